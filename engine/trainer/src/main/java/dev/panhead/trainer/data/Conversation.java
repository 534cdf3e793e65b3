package dev.panhead.trainer.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.trainer.data.JsonLines.LineException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One conversation: parts of text in their order, those to be learnt and the others. Each is encoded by itself, so that no token
 * lies in two.
 *
 * @param parts what is said
 * @param endLearnt whether the end, too, is to be learnt: the boundary behind the last part
 * @param ofMessages whether the parts are laid out as messages
 */
record Conversation(List<Part> parts, boolean endLearnt, boolean ofMessages) {

    /** A part of it. */
    record Part(String text, boolean learnt) {}

    private static final Set<String> ROLES = Set.of("system", ChatMl.USER, ChatMl.ASSISTANT);
    private static final JsonFactory JSON_TEXT = new JsonFactory();
    private static final JSON OBJECTS = JSON.std.without(JSON.Feature.FAIL_ON_DUPLICATE_MAP_KEYS);

    /**
     * Parses a line of JSON. {@code messages} goes before {@code prompt} and {@code completion}; of a key that is there twice,
     * the last counts, and other keys are passed over.
     */
    static Conversation parse(String line) throws LineException {
        Map<String, Object> object = parseObject(line);
        if (object.containsKey("messages")) {
            return ofMessages(object.get("messages"));
        }
        if (!object.containsKey("prompt") && !object.containsKey("completion")) {
            throw new LineException("has neither messages nor prompt and completion");
        }
        String prompt = string(object, "prompt", "");
        String completion = string(object, "completion", "");
        if (completion.isEmpty()) {
            throw new LineException("the completion is empty: there is nothing to learn");
        }
        return new Conversation(List.of(new Part(prompt, false), new Part(completion, true)), true, false);
    }

    private static Map<String, Object> parseObject(String line) throws LineException {
        try (JsonParser parser = JSON_TEXT.createParser(line)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new LineException(parser.currentTokenLocation().getColumnNr(), "is not a JSON object");
            }
            Map<String, Object> object = OBJECTS.mapFrom(parser);
            if (parser.nextToken() != null) {
                throw new LineException(
                        parser.currentTokenLocation().getColumnNr(), "there is something behind the JSON object");
            }
            return object;
        } catch (JsonProcessingException e) {
            String reason = e.getOriginalMessage().replaceAll("\\s*\\(start marker at .*\\)", "");
            throw e.getLocation() == null
                    ? new LineException(reason)
                    : new LineException(e.getLocation().getColumnNr(), reason);
        } catch (IOException e) {
            throw new LineException(e.getMessage());
        }
    }

    /** Laid out as {@link ChatMl} says. */
    private static Conversation ofMessages(Object messages) throws LineException {
        if (!(messages instanceof List<?> list)) {
            throw new LineException("messages is " + kind(messages) + ", not an array");
        }
        if (list.isEmpty()) {
            throw new LineException("the conversation is empty");
        }
        List<Part> parts = new ArrayList<>();
        boolean answered = false;
        boolean last = false;
        for (int i = 0; i < list.size(); i++) {
            String where = " of message " + (i + 1);
            if (!(list.get(i) instanceof Map<?, ?> message)) {
                throw new LineException("message " + (i + 1) + " is " + kind(list.get(i)) + ", not an object");
            }
            String role = string(message, "role", where);
            if (!ROLES.contains(role)) {
                throw new LineException("the role" + where + " is " + quoted(role) + ", not system, user or assistant");
            }
            String content = string(message, "content", where);
            last = role.equals(ChatMl.ASSISTANT);
            answered |= last && !content.isEmpty();
            parts.add(new Part(ChatMl.head(role), false));
            parts.add(new Part(content, last));
            parts.add(new Part(ChatMl.END, last));
            parts.add(new Part("\n", false));
        }
        if (!answered) {
            throw new LineException("no turn of the assistant says anything: there is nothing to learn");
        }
        return new Conversation(parts, last, true);
    }

    private static String string(Map<?, ?> object, String key, String where) throws LineException {
        if (!object.containsKey(key)) {
            throw new LineException("the " + key + where + " is missing");
        }
        if (!(object.get(key) instanceof String text)) {
            throw new LineException("the " + key + where + " is " + kind(object.get(key)) + ", not a string");
        }
        int half = Utf8.indexOfHalf(text);
        if (half >= 0) {
            throw new LineException("the " + key + where + " has half of a surrogate pair at character " + half);
        }
        return text;
    }

    private static String kind(Object value) {
        return switch (value) {
            case null -> "null";
            case String text -> "a string";
            case Number number -> "a number";
            case Boolean truth -> "a boolean";
            case Map<?, ?> object -> "an object";
            default -> "an array";
        };
    }

    private static String quoted(String text) {
        String shown = text.length() > 40 ? text.substring(0, 40) + "..." : text;
        return '"' + shown.replaceAll("\\p{Cntrl}", "?") + '"';
    }
}
