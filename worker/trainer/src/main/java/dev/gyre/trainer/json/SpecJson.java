package dev.gyre.trainer.json;

import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;

/** Records to JSON and back. JSON that does not match the record exactly is refused. */
public final class SpecJson {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .addModule(
              new SimpleModule()
                  .addSerializer(double.class, new FiniteOrNull())
                  .addDeserializer(double.class, new NullAsNotANumber()))
          .build();

  private SpecJson() {}

  public static String write(Record spec) {
    return JSON.writeValueAsString(spec);
  }

  /** The same without line breaks, for files of one object a line. */
  public static String line(Record spec) {
    return JSON.writer().without(SerializationFeature.INDENT_OUTPUT).writeValueAsString(spec);
  }

  /**
   * @param what names the text in errors, for example {@code runs/a/plan.json}
   * @throws IllegalArgumentException when the text is not such a record
   */
  public static <T extends Record> T read(String json, Class<T> type, String what) {
    try {
      return JSON.readValue(json, type);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          what + " is not a valid " + type.getSimpleName() + ": " + e.getOriginalMessage(), e);
    }
  }

  /** JSON has no number for a value that is not finite: it is written as null, not as text. */
  private static final class FiniteOrNull extends ValueSerializer<Double> {
    @Override
    public void serialize(Double value, JsonGenerator json, SerializationContext context) {
      if (Double.isFinite(value)) {
        json.writeNumber(value);
      } else {
        json.writeNull();
      }
    }
  }

  private static final class NullAsNotANumber extends ValueDeserializer<Double> {
    @Override
    public Double deserialize(JsonParser json, DeserializationContext context) {
      return json.getDoubleValue();
    }

    @Override
    public Double getNullValue(DeserializationContext context) {
      return Double.NaN;
    }
  }
}
