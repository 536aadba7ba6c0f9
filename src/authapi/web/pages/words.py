"""What the pages say, in each language. The error of a field is in English without a word here."""

from collections.abc import Mapping

DEFAULT_LANGUAGE = "en"

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "verify": "Verify your e-mail address",
        "verify_lines": "Press the button to confirm that this address is yours.",
        "verify_button": "Verify the address",
        "verify_done": "Your e-mail address is verified. You can log in now.",
        "resend": "Verify your e-mail address",
        "resend_lines": "We send you a new mail with a link and a code.",
        "resend_button": "Send the mail",
        "resend_done": "If this address waits to be verified, a mail is on its way. "
        "Open its link, or type its code here.",
        "undo": "Undo a change of your account",
        "undo_lines": "Press the button to undo what the mail told you of. Everybody is logged "
        "out.",
        "undo_button": "Undo the change",
        "undo_done": "The change is undone, and all devices are logged out. "
        "Choose a new password now.",
        "reset": "Choose a new password",
        "reset_lines": "At least 8 characters. A few words make a good password.",
        "reset_button": "Save the password",
        "reset_done": "Your password is changed, and all devices are logged out. "
        "You can log in now.",
        "forgot": "Forgot your password?",
        "forgot_lines": "We send you a mail with a link and a code.",
        "forgot_button": "Send the mail",
        "forgot_done": "If this address has an account, a mail is on its way. "
        "Open its link, or type its code here. Both work for 15 minutes.",
        "done": "Done",
        "email": "E-mail address",
        "code": "Code from the mail",
        "new_password": "New password",
        "no_token": "Something is missing. Open the whole link from the mail.",
        "use_code": "I have a code already",
        "ask_again": "Ask for a new mail",
        "invalid_link": "This link or code is not valid any more. Ask for a new mail.",
        "rate_limited": "Too many tries. Wait a while.",
        "unavailable": "This does not work at the moment. Try again in a minute.",
        "refused": "This is not accepted. Look at what you typed.",
    },
    "de": {
        "verify": "E-Mail-Adresse bestätigen",
        "verify_lines": "Drücke den Knopf, um zu bestätigen, dass diese Adresse dir gehört.",
        "verify_button": "Adresse bestätigen",
        "verify_done": "Deine E-Mail-Adresse ist bestätigt. Du kannst dich jetzt anmelden.",
        "resend": "E-Mail-Adresse bestätigen",
        "resend_lines": "Wir schicken dir eine neue Mail mit einem Link und einem Code.",
        "resend_button": "Mail schicken",
        "resend_done": "Wenn diese Adresse noch nicht bestätigt ist, ist eine Mail unterwegs. "
        "Öffne den Link, oder gib den Code hier ein.",
        "undo": "Änderung deines Kontos rückgängig machen",
        "undo_lines": "Drücke den Knopf, um rückgängig zu machen, was in der Mail steht. "
        "Alle Geräte werden abgemeldet.",
        "undo_button": "Rückgängig machen",
        "undo_done": "Die Änderung ist rückgängig gemacht, alle Geräte sind abgemeldet. "
        "Wähle jetzt ein neues Passwort.",
        "reset": "Neues Passwort wählen",
        "reset_lines": "Mindestens 8 Zeichen. Ein paar Wörter sind ein gutes Passwort.",
        "reset_button": "Passwort speichern",
        "reset_done": "Dein Passwort ist geändert, alle Geräte sind abgemeldet. "
        "Du kannst dich jetzt anmelden.",
        "forgot": "Passwort vergessen?",
        "forgot_lines": "Wir schicken dir eine Mail mit einem Link und einem Code.",
        "forgot_button": "Mail schicken",
        "forgot_done": "Wenn diese Adresse ein Konto hat, ist eine Mail unterwegs. "
        "Öffne den Link, oder gib den Code hier ein. Beide gelten 15 Minuten.",
        "done": "Fertig",
        "email": "E-Mail-Adresse",
        "code": "Code aus der Mail",
        "new_password": "Neues Passwort",
        "no_token": "Etwas fehlt. Öffne den ganzen Link aus der Mail.",
        "use_code": "Ich habe schon einen Code",
        "ask_again": "Neue Mail anfordern",
        "invalid_link": "Dieser Link oder Code gilt nicht mehr. Fordere eine neue Mail an.",
        "rate_limited": "Zu viele Versuche. Warte eine Weile.",
        "unavailable": "Das geht gerade nicht. Versuche es in einer Minute noch einmal.",
        "password_too_short": "Ein Passwort hat mindestens 8 Zeichen.",
        "password_too_long": "Ein Passwort hat höchstens 256 Zeichen.",
        "password_too_common": "Dieses Passwort errät man zuerst.",
        "password_is_own_name": "Ein Passwort kann nicht der eigene Name sein.",
        "control_characters": "Steuerzeichen sind nicht erlaubt.",
        "refused": "Das wird nicht angenommen. Sieh dir an, was du eingegeben hast.",
    },
}
