package dev.gyre.model.hf;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.RopeScaling;
import dev.gyre.partitioning.model.RopeScaling.Yarn;
import dev.gyre.partitioning.model.RopeSpec;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Rotary position embeddings in a {@code config.json}: {@code rope_theta}, and the objects {@code
 * rope_parameters} (newer files) and {@code rope_scaling} (older ones).
 */
final class RopeKeys {
  private static final String THETA = "rope_theta";
  private static final String TYPE = "rope_type";
  private static final String FACTOR = "factor";
  private static final String ORIGINAL = "original_max_position_embeddings";
  private static final String ATTENTION_FACTOR = "attention_factor";

  /** Where a job names them. */
  private static final String JOB = "model.rope";

  /** A job's type for the model's own. */
  private static final String LOADED = "loaded";

  private static final String[] OBJECTS = {"rope_parameters", "rope_scaling"};

  /** Keys of each type, besides theta, type, and those that every type may have. */
  private static final Map<String, Set<String>> KEYS =
      Map.of(
          "default", Set.of(),
          "linear", Set.of(FACTOR),
          "llama3", Set.of(FACTOR, "low_freq_factor", "high_freq_factor", ORIGINAL),
          "yarn",
              Set.of(
                  FACTOR,
                  ORIGINAL,
                  "beta_fast",
                  "beta_slow",
                  "truncate",
                  ATTENTION_FACTOR,
                  "mscale",
                  "mscale_all_dim"));

  private RopeKeys() {}

  /** Parameters without scaling. */
  static ObjectNode noScaling() {
    return JsonMapper.shared().createObjectNode();
  }

  /**
   * @param theta used if the file has none
   * @param usual parameters used if the file has no object with a type
   * @throws Invalid for a scaling that is not implemented, or two different thetas
   */
  static RopeSpec read(ConfigValues config, double theta, ObjectNode usual) {
    Double given = theta(null, config.root(), THETA);
    RopeScaling scaling = null;
    for (String name : OBJECTS) {
      ObjectNode object = config.object(name);
      if (object != null && !object.isEmpty()) {
        given = theta(given, object, name + "." + THETA);
        RopeScaling read = scaling(HfConfig.FILE + name, object, config);
        if (scaling != null && !scaling.equals(read)) {
          throw HfConfig.invalid(
              name, "%s contradicts %s; remove one of them".formatted(object, OBJECTS[0]));
        }
        scaling = read;
      }
    }
    return new RopeSpec(
        given == null ? theta : given,
        scaling == null ? scaling(HfConfig.FILE + OBJECTS[0], usual, config) : scaling);
  }

  /**
   * The rope of a job for a loaded model. A scaling of the model's own type keeps the values that
   * the job does not give; an attention factor is kept with its factor only.
   *
   * @param given keys of {@code model.rope} and their values
   */
  static RopeSpec changed(ConfigValues config, Family family, Map<String, Object> given) {
    RopeSpec before = family.rope(config);
    ObjectNode own = inFile(config, family.usualRope());
    ObjectNode wanted = JsonMapper.shared().valueToTree(given);
    double theta = wanted.path("theta").asDouble(before.theta());
    String asked = wanted.path("type").asString(LOADED);
    String type = asked.equals(LOADED) ? type(own) : asked;
    wanted.remove(List.of("theta", "type"));
    ObjectNode parameters = type.equals(type(own)) ? own : noScaling();
    if (wanted.has(FACTOR)) {
      parameters.remove(ATTENTION_FACTOR);
    }
    parameters.setAll(wanted);
    parameters.remove(List.of("type", THETA));
    parameters.put(TYPE, type);
    int original = original(before.scaling());
    if (original > 0 && !parameters.has(ORIGINAL)) {
      parameters.put(ORIGINAL, original);
    }
    if (type.equals("default") && wanted.has(FACTOR)) {
      throw new Invalid(JOB + ".type", "default has no factor; set linear, llama3 or yarn");
    }
    if (!type.equals("default") && !parameters.has(FACTOR)) {
      throw new Invalid(JOB + "." + FACTOR, "is missing; " + type + " needs it");
    }
    // The model's own length before scaling is not the job's.
    ObjectNode root = config.root().deepCopy();
    root.remove(ORIGINAL);
    return new RopeSpec(theta, scaling(JOB, parameters, new ConfigValues(root)));
  }

  /** A copy of the parameters in a file. */
  private static ObjectNode inFile(ConfigValues config, ObjectNode usual) {
    for (String name : OBJECTS) {
      ObjectNode object = config.object(name);
      if (object != null && !object.isEmpty()) {
        return object.deepCopy();
      }
    }
    return usual;
  }

  private static int original(RopeScaling scaling) {
    return switch (scaling) {
      case RopeScaling.Llama3 llama -> llama.original();
      case Yarn yarn -> yarn.original();
      case RopeScaling.None(), RopeScaling.Linear(_) -> 0;
    };
  }

  private static String type(ObjectNode object) {
    return object.path(TYPE).asString(object.path("type").asString("default"));
  }

  private static @Nullable Double theta(@Nullable Double before, ObjectNode node, String name) {
    JsonNode value = node.path(THETA);
    if (value.isMissingNode() || value.isNull()) {
      return before;
    }
    if (!value.isNumber()) {
      throw HfConfig.invalid(name, value + " must be a number");
    }
    if (before != null && before != value.asDouble()) {
      throw HfConfig.invalid(
          name, value + " contradicts the other rope_theta " + before + "; remove the wrong one");
    }
    return value.asDouble();
  }

  private static RopeScaling scaling(String name, ObjectNode rope, ConfigValues config) {
    String type = type(rope);
    Set<String> keys = KEYS.get(type);
    if (keys == null) {
      throw new Invalid(
          name + "." + (rope.has(TYPE) ? TYPE : "type"),
          "'" + type + "' is not implemented; only default, linear, llama3 and yarn are");
    }
    requireKnown(name, type, rope, keys);
    ConfigValues values = new ConfigValues(rope, name + ".");
    return switch (type) {
      case "linear" -> linear(real(name, values, FACTOR));
      case "llama3" ->
          new RopeScaling.Llama3(
              real(name, values, FACTOR),
              real(name, values, "low_freq_factor"),
              real(name, values, "high_freq_factor"),
              original(name, values, config));
      case "yarn" -> yarn(name, values, config);
      default -> new RopeScaling.None();
    };
  }

  /** A factor of 1 changes nothing. */
  private static RopeScaling linear(double factor) {
    return factor == 1 ? new RopeScaling.None() : new RopeScaling.Linear(factor);
  }

  private static Yarn yarn(String name, ConfigValues values, ConfigValues config) {
    int original = original(name, values, config);
    double factor =
        values.has(FACTOR)
            ? real(name, values, FACTOR)
            : config.integer("max_position_embeddings") / (double) original;
    double scale = values.real("mscale", 0);
    double latent = values.real("mscale_all_dim", 0);
    double usual =
        scale > 0 && latent > 0
            ? Yarn.magnitude(factor, scale) / Yarn.magnitude(factor, latent)
            : Yarn.usualAttentionFactor(factor);
    return new Yarn(
        factor,
        original,
        values.real("beta_fast", Yarn.BETA_FAST),
        values.real("beta_slow", Yarn.BETA_SLOW),
        values.flagOrNull("truncate", true),
        values.real(ATTENTION_FACTOR, usual),
        latent);
  }

  /** As in transformers: the whole model's key counts first, and its longest row last. */
  private static int original(String name, ConfigValues values, ConfigValues config) {
    if (config.has(ORIGINAL)) {
      return config.integer(ORIGINAL);
    }
    if (!values.has(ORIGINAL) && !config.has("max_position_embeddings")) {
      throw new Invalid(name + "." + ORIGINAL, "is missing");
    }
    return values.has(ORIGINAL)
        ? values.integer(ORIGINAL)
        : config.integer("max_position_embeddings");
  }

  private static double real(String name, ConfigValues values, String key) {
    if (!values.has(key)) {
      throw new Invalid(name + "." + key, "is missing");
    }
    return values.real(key, 0);
  }

  /** Every type may have a factor of 1, and the original length, which not all of them read. */
  private static void requireKnown(String name, String type, ObjectNode rope, Set<String> keys) {
    for (Map.Entry<String, JsonNode> entry : rope.properties()) {
      String key = entry.getKey();
      JsonNode value = entry.getValue();
      boolean known =
          switch (key) {
            case "type", TYPE, THETA, ORIGINAL -> true;
            case FACTOR, ATTENTION_FACTOR, "partial_rotary_factor" ->
                keys.contains(key) || (value.isNumber() && value.asDouble() == 1);
            default -> keys.contains(key);
          };
      if (!known && !value.isNull()) {
        throw new Invalid(
            name + "." + key,
            "%s is not implemented for rope_type %s".formatted(HfKeys.shown(value), type));
      }
    }
  }

  /** Writes a rope over the one in a config. */
  static void write(ObjectNode config, RopeSpec rope) {
    ObjectNode parameters = parameters(rope);
    for (String name : OBJECTS) {
      config.remove(name);
    }
    config.set(OBJECTS[0], parameters);
    if (config.has(THETA)) {
      config.put(THETA, rope.theta());
    }
    if (config.has(ORIGINAL) && parameters.has(ORIGINAL)) {
      config.set(ORIGINAL, parameters.get(ORIGINAL));
    }
  }

  private static ObjectNode parameters(RopeSpec rope) {
    ObjectNode parameters = JsonMapper.shared().createObjectNode();
    parameters.put(THETA, rope.theta());
    return switch (rope.scaling()) {
      case RopeScaling.None() -> parameters.put(TYPE, "default");
      case RopeScaling.Linear(double factor) -> parameters.put(TYPE, "linear").put(FACTOR, factor);
      case RopeScaling.Llama3(double factor, double low, double high, int original) ->
          parameters
              .put(TYPE, "llama3")
              .put(FACTOR, factor)
              .put("low_freq_factor", low)
              .put("high_freq_factor", high)
              .put(ORIGINAL, original);
      case Yarn yarn -> yarnParameters(parameters, yarn);
    };
  }

  private static ObjectNode yarnParameters(ObjectNode parameters, Yarn yarn) {
    parameters
        .put(TYPE, "yarn")
        .put(FACTOR, yarn.factor())
        .put(ORIGINAL, yarn.original())
        .put("beta_fast", yarn.betaFast())
        .put("beta_slow", yarn.betaSlow())
        .put("truncate", yarn.truncate())
        .put(ATTENTION_FACTOR, yarn.attentionFactor());
    return yarn.latentScale() == 0
        ? parameters
        : parameters.put("mscale_all_dim", yarn.latentScale());
  }
}
