// A session by the JDK's HttpClient. By default it offers HTTP/2 in every request: `Upgrade: h2c`.
// It prints the status of each request.

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.regex.Pattern;

public class Session {
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static String base;
    static String kind;

    static BodyPublisher body(String text) {
        return kind.equals("chunked")
            ? BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(text.getBytes()))
            : BodyPublishers.ofString(text);
    }

    static String send(String method, String path, String json, String token) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(base + path))
            .expectContinue(kind.equals("expecting") && !json.isEmpty());
        if (!json.isEmpty()) request.header("Content-Type", "application/json");
        if (token != null) request.header("Authorization", "Bearer " + token);
        var content = json.isEmpty() ? BodyPublishers.noBody() : body(json);
        var answer = CLIENT.send(request.method(method, content).build(), BodyHandlers.ofString());
        System.out.println(method + " " + path + " " + answer.statusCode());
        return answer.body();
    }

    static String member(String json, String name) {
        var match = Pattern.compile("\"" + name + "\":\"([^\"]+)\"").matcher(json);
        return match.find() ? match.group(1) : "";
    }

    public static void main(String[] arguments) throws Exception {
        base = arguments[0];
        kind = arguments[1];
        var given = send("POST", "/login", arguments[2], null);
        var refreshToken = "{\"refresh_token\": \"" + member(given, "refresh_token") + "\"}";
        var token = member(send("POST", "/refresh", refreshToken, null), "access_token");
        send("GET", "/verify", "", token);
        send("GET", "/me", "", token);
        send("POST", "/logout", "", token);
        send("GET", "/verify", "", token);
    }
}
