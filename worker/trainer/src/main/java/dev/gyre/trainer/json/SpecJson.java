package dev.gyre.trainer.json;

import dev.gyre.partitioning.check.Invalid;
import java.util.function.Consumer;
import java.util.function.Supplier;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;
import tools.jackson.databind.node.ObjectNode;

/**
 * Records to JSON and back. JSON that does not match the record exactly is refused, except for jobs
 * and plans of earlier builds, see {@link FormerSpecs}.
 */
public final class SpecJson {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .addModule(ModelTypes.module())
          .addModule(MeshJson.module())
          .addModule(
              new SimpleModule()
                  .addSerializer(double.class, new FiniteOrNull())
                  .addSerializer(Double.class, new FiniteOrNull())
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
   * @throws SpecException when the text is not such a record, or holds numbers that the record
   *     refuses
   */
  public static <T extends Record> T read(String json, Class<T> type, String what) {
    return valid(type, what, () -> JSON.readValue(FormerSpecs.upgrade(JSON, json, type), type));
  }

  /**
   * As above, of an object whose keys are not quite those of the record.
   *
   * @param change gives it the record's keys
   */
  public static <T extends Record> T read(
      String json, Class<T> type, String what, Consumer<ObjectNode> change) {
    return valid(
        type,
        what,
        () -> {
          JsonNode tree = JSON.readTree(json);
          if (tree instanceof ObjectNode object) {
            change.accept(object);
          }
          return JSON.treeToValue(tree, type);
        });
  }

  private static <T> T valid(Class<T> type, String what, Supplier<T> reading) {
    try {
      return reading.get();
    } catch (JacksonException e) {
      throw new SpecException(
          "%s is not a valid %s: %s".formatted(what, name(type), problem(e)), e);
    } catch (Invalid e) { // of a former text, which is not read by the mapper
      throw new SpecException(
          "%s is not a valid %s: %s".formatted(what, name(type), e.getMessage()), e);
    }
  }

  /** {@code JobSpec} is a job. */
  private static String name(Class<?> type) {
    return type.getSimpleName().replaceFirst("Spec$", "");
  }

  /** The field and what is wrong with it; a record's own refusal in its own words. */
  private static String problem(JacksonException e) {
    StringBuilder field = new StringBuilder();
    for (JacksonException.Reference at : e.getPath()) {
      if (at.getPropertyName() != null) {
        field.append(field.isEmpty() ? "" : ".").append(at.getPropertyName());
      } else {
        field.append('[').append(at.getIndex()).append(']');
      }
    }
    Throwable cause = e.getCause();
    String problem =
        String.valueOf(
            cause == null || cause instanceof JacksonException
                ? e.getOriginalMessage()
                : cause.getMessage());
    return field.isEmpty() ? problem : field + ": " + problem;
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
      double value = json.getDoubleValue();
      return Double.isFinite(value)
          ? value
          : context.reportInputMismatch(
              Double.class, "%s is beyond 64-bit floats", json.getString());
    }

    @Override
    public Double getNullValue(DeserializationContext context) {
      return Double.NaN;
    }
  }
}
