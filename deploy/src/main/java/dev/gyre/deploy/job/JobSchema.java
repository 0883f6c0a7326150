package dev.gyre.deploy.job;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.Key;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** The JSON Schema (draft 2020-12) of a job file, generated from {@link JobKeys}. */
public final class JobSchema {
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private JobSchema() {}

  public static String text() {
    Map<String, Object> schema = new LinkedHashMap<>();
    schema.put("$schema", "https://json-schema.org/draft/2020-12/schema");
    schema.put("title", "Gyre job");
    schema.putAll(of(JobKeys.ROOT));
    return JSON.writeValueAsString(schema);
  }

  private static Map<String, Object> of(Key key) {
    Map<String, Object> s = new LinkedHashMap<>();
    s.put("description", key.doc());
    switch (key.type()) {
      case SECTION -> object(key, s);
      case SECTIONS -> {
        Map<String, Object> items = new LinkedHashMap<>();
        object(key, items);
        s.put("type", "array");
        s.put("items", items);
      }
      case TEXT -> s.put("type", "string");
      case CHOICE -> s.put("enum", key.choices());
      case CHOICE_OR_EACH -> {
        Map<String, Object> each = new LinkedHashMap<>();
        object(key, each);
        s.put("anyOf", List.of(Map.of("enum", key.choices()), each));
      }
      case INTEGER -> s.put("type", "integer");
      case INTEGER_OR_SECTIONS -> {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("type", "integer");
        limits(key, one);
        Map<String, Object> item = new LinkedHashMap<>();
        object(key, item);
        s.put("anyOf", List.of(one, Map.of("type", "array", "minItems", 1, "items", item)));
      }
      case NUMBER -> s.put("type", "number");
      case SHARE -> {
        s.put("type", List.of("number", "string"));
        s.put("pattern", "^[0-9.]+ ?%$");
      }
      case FLAG -> s.put("type", "boolean");
      case INTEGERS -> {
        s.put("type", "array");
        Map<String, Object> item = new LinkedHashMap<>();
        item.put("type", "integer");
        limits(key, item);
        s.put("items", item);
      }
      case TEXTS -> {
        s.put("type", "array");
        s.put("items", Map.of("type", "string"));
      }
    }
    if (key.type() != Key.Type.INTEGERS && key.type() != Key.Type.INTEGER_OR_SECTIONS) {
      limits(key, s);
    }
    if (key.fallback() != null) {
      s.put("default", fallback(key, key.fallback()));
    }
    return s;
  }

  private static void limits(Key key, Map<String, Object> s) {
    NumberRange range = key.range();
    if (range == null) {
      return;
    }
    if (Double.isFinite(range.least())) {
      s.put(range.leastExcluded() ? "exclusiveMinimum" : "minimum", limit(range, range.least()));
    }
    if (Double.isFinite(range.most())) {
      s.put(range.mostExcluded() ? "exclusiveMaximum" : "maximum", limit(range, range.most()));
    }
  }

  private static Object limit(NumberRange range, double value) {
    return range.kind() == NumberRange.Kind.WHOLE ? (Object) (long) value : (Object) value;
  }

  private static void object(Key key, Map<String, Object> s) {
    Map<String, Object> properties = new LinkedHashMap<>();
    for (Key child : key.children()) {
      properties.put(child.name(), of(child));
    }
    s.put("type", "object");
    s.put("additionalProperties", false);
    s.put("properties", properties);
  }

  private static Object fallback(Key key, String text) {
    return switch (key.type()) {
      case INTEGER, INTEGER_OR_SECTIONS -> Long.valueOf(text);
      case NUMBER -> Double.valueOf(text);
      case FLAG -> Boolean.valueOf(text);
      case INTEGERS, TEXTS -> List.of();
      case SECTION, SECTIONS, TEXT, CHOICE, CHOICE_OR_EACH, SHARE -> text;
    };
  }
}
