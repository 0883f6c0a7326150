package dev.gyre.model.hf;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.LayerKind;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Values of a {@code config.json} by key. A key whose value is null counts as absent. Errors name
 * key and value.
 */
final class ConfigValues {
  private final ObjectNode root;
  private final String where;
  private final List<String> warnings = new ArrayList<>();

  ConfigValues(ObjectNode root) {
    this(root, HfConfig.FILE);
  }

  /**
   * @param where of the object, before its keys in errors
   */
  ConfigValues(ObjectNode root, String where) {
    this.root = root;
    this.where = where;
  }

  private Invalid invalid(String key, String problem) {
    return new Invalid(where + key, problem);
  }

  ObjectNode root() {
    return root;
  }

  /** Tells the user something about the file. */
  void warn(String line) {
    warnings.add(line);
  }

  /** One line each. */
  List<String> warnings() {
    return warnings;
  }

  boolean has(String key) {
    return root.hasNonNull(key);
  }

  /** A whole number that must be there. */
  int integer(String key) {
    if (!has(key)) {
      throw invalid(key, "is missing");
    }
    return integer(key, 0);
  }

  int integer(String key, int fallback) {
    JsonNode node = root.path(key);
    if (!has(key)) {
      return fallback;
    }
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw invalid(key, HfKeys.shown(node) + " must be a whole number");
    }
    return node.asInt();
  }

  /** A whole number for which null has no meaning. */
  int notNull(String key, int ifAbsent) {
    if (root.path(key).isNull()) {
      throw invalid(key, "is null, and must be a whole number");
    }
    return integer(key, ifAbsent);
  }

  double real(String key, double fallback) {
    JsonNode node = root.path(key);
    if (!has(key)) {
      return fallback;
    }
    if (!node.isNumber()) {
      throw invalid(key, HfKeys.shown(node) + " must be a number");
    }
    return node.asDouble();
  }

  boolean flag(String key, boolean fallback) {
    JsonNode node = root.path(key);
    if (!has(key)) {
      return fallback;
    }
    if (!node.isBoolean()) {
      throw invalid(key, HfKeys.shown(node) + " must be true or false");
    }
    return node.asBoolean();
  }

  /** A flag of which null means false. */
  boolean flagOrNull(String key, boolean ifAbsent) {
    return root.has(key) ? flag(key, false) : ifAbsent;
  }

  /** Layer numbers; none if the key is absent. */
  List<Integer> layers(String key, int depth) {
    List<Integer> layers = new ArrayList<>();
    for (JsonNode item : list(key, "layer numbers")) {
      if (!item.isInt() || item.asInt() < 0 || item.asInt() >= depth) {
        throw invalid(key, item + " must be a layer number from 0 to " + (depth - 1));
      }
      layers.add(item.asInt());
    }
    return layers;
  }

  /** Kinds of layers; none if the key is absent. */
  List<LayerKind> kinds(String key) {
    List<LayerKind> kinds = new ArrayList<>();
    for (JsonNode item : list(key, "kinds")) {
      LayerKind kind = LayerKind.of(item.asString(""), where + key);
      if (kind == LayerKind.LINEAR) {
        throw invalid(key, HfConfig.NOT_LINEAR);
      }
      kinds.add(kind);
    }
    return kinds;
  }

  private Iterable<JsonNode> list(String key, String of) {
    JsonNode node = root.path(key);
    if (!has(key)) {
      return List.of();
    }
    if (node instanceof ArrayNode array) {
      return array;
    }
    throw invalid(key, HfKeys.shown(node) + " must be a list of " + of);
  }

  /** The value of a key as an object; null if it is absent. */
  @Nullable ObjectNode object(String key) {
    JsonNode node = root.path(key);
    if (!has(key)) {
      return null;
    }
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw invalid(key, HfKeys.shown(node) + " must be an object or null");
  }
}
