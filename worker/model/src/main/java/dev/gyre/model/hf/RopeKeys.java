package dev.gyre.model.hf;

import dev.gyre.partitioning.check.Invalid;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Rotary position embeddings in a {@code config.json}: {@code rope_theta}, and the objects {@code
 * rope_parameters} (newer files) and {@code rope_scaling} (older ones). Only the default type is
 * implemented: no scaling.
 */
final class RopeKeys {
  private static final String THETA = "rope_theta";

  /** Keys that the default type does not read. */
  private static final Set<String> UNUSED = Set.of("original_max_position_embeddings");

  private RopeKeys() {}

  /**
   * @param fallback used if the file has no theta
   * @throws Invalid for a scaling that changes the computation, or two different thetas
   */
  static double theta(ObjectNode root, double fallback) {
    Double theta = null;
    theta = theta(theta, root, THETA);
    for (String name : new String[] {"rope_parameters", "rope_scaling"}) {
      JsonNode node = root.path(name);
      if (node instanceof ObjectNode rope) {
        check(name, rope);
        theta = theta(theta, rope, name + "." + THETA);
      } else if (!node.isMissingNode() && !node.isNull()) {
        throw HfConfig.invalid(name, HfKeys.shown(node) + " must be an object or null");
      }
    }
    return theta == null ? fallback : theta;
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

  private static void check(String name, ObjectNode rope) {
    for (Map.Entry<String, JsonNode> entry : rope.properties()) {
      String key = entry.getKey();
      JsonNode value = entry.getValue();
      boolean plain =
          switch (key) {
            case "rope_type", "type" -> value.asString("").equals("default") || linear(rope);
            case "factor", "attention_factor", "partial_rotary_factor" -> isOne(value);
            case THETA -> true;
            default -> UNUSED.contains(key);
          };
      if (!plain && !value.isNull()) {
        throw HfConfig.invalid(
            name + "." + key,
            HfKeys.shown(value) + " is not implemented; only rope_type default is");
      }
    }
  }

  /** Linear scaling by a factor of 1, which changes nothing. */
  private static boolean linear(ObjectNode rope) {
    String type = rope.path("rope_type").asString(rope.path("type").asString(""));
    return type.equals("linear") && isOne(rope.path("factor"));
  }

  private static boolean isOne(JsonNode value) {
    return value.isNumber() && value.asDouble() == 1;
  }
}
