package dev.gyre.trainer.data;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.UnexpectedEndOfInputException;
import tools.jackson.core.json.JsonFactory;

/** The text in one line of a JSONL file. Safe to use from several threads. */
final class JsonLine {
  /**
   * Longest line. Its bytes, its characters and the text made of them are in memory at once, about
   * four times as much, which a heap of 1 GB holds.
   */
  static final int MAX_BYTES = 128 << 20;

  private static final int MAX_KEYS_SHOWN = 10;

  private final JsonFactory json =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build())
          .build();

  /**
   * What a line holds.
   *
   * @param text null if there is none
   * @param problem why there is none, or what is wrong although there is one; null for nothing
   */
  record Found(@Nullable String text, @Nullable ProblemKind problem, String what) {
    static Found none(ProblemKind problem, String what) {
      return new Found(null, problem, what);
    }
  }

  /**
   * @param line valid UTF-8, without its end
   * @param field key of the text
   */
  Found read(byte[] line, int from, int to, String field) {
    try (JsonParser parser = json.createParser(ObjectReadContext.empty(), line, from, to - from)) {
      return object(parser, field);
    } catch (StreamConstraintsException _) {
      return Found.none(
          ProblemKind.NOT_JSON, "a number, a key or the depth of the JSON is beyond all use");
    } catch (UnexpectedEndOfInputException _) {
      return Found.none(
          ProblemKind.NOT_JSON, "not JSON: the line ends inside of it; is the file cut off?");
    } catch (JacksonException e) {
      return Found.none(
          ProblemKind.NOT_JSON, "not JSON at column %d".formatted(e.getLocation().getColumnNr()));
    }
  }

  private static Found object(JsonParser parser, String field) {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      return Found.none(
          ProblemKind.NOT_JSON, "a JSON object is wanted, this is another kind of value");
    }
    String text = null;
    String other = "";
    int times = 0;
    List<String> keys = new ArrayList<>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      JsonToken value = parser.nextToken();
      if (key.equals(field)) {
        times++;
        text = value == JsonToken.VALUE_STRING ? parser.getString() : null;
        other = kind(value);
      } else if (keys.size() < MAX_KEYS_SHOWN) {
        keys.add(key);
      }
      parser.skipChildren();
    }
    if (follows(parser)) {
      return Found.none(
          ProblemKind.NOT_JSON, "something follows the object; a line holds one object");
    }
    if (times == 0) {
      return Found.none(
          ProblemKind.NO_TEXT,
          "no text in '%s'; keys are %s. Set the source's field".formatted(field, keys));
    }
    if (text == null) {
      return Found.none(ProblemKind.NO_TEXT, "'%s' is %s, not a string".formatted(field, other));
    }
    return times == 1
        ? new Found(text, null, "")
        : new Found(
            text, ProblemKind.DUPLICATE_KEY, "the key '%s' stands there twice".formatted(field));
  }

  private static boolean follows(JsonParser parser) {
    try {
      return parser.nextToken() != null;
    } catch (JacksonException _) {
      return true;
    }
  }

  private static String kind(JsonToken value) {
    return switch (value) {
      case VALUE_NULL -> "null";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_TRUE, VALUE_FALSE -> "true or false";
      case START_ARRAY -> "a list";
      case START_OBJECT -> "an object";
      case VALUE_STRING,
          END_ARRAY,
          END_OBJECT,
          PROPERTY_NAME,
          NOT_AVAILABLE,
          VALUE_EMBEDDED_OBJECT ->
          "another value";
    };
  }
}
