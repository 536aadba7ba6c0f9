"""The pages that links in mails open: without a script, in the visitor's language."""
