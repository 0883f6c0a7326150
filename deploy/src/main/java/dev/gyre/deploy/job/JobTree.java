package dev.gyre.deploy.job;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** A YAML text as written, every node with the place it stands at. Knows no keys. */
sealed interface JobTree {
  /** For example {@code recipes/a.yaml:24}, or the {@code --set} it came from. */
  String place();

  record Scalar(String text, String place) implements JobTree {}

  record Sequence(List<JobTree> items, String place) implements JobTree {}

  /** Mutable, so that {@code --set} can lay values over a file's. */
  record Mapping(Map<String, JobTree> entries, Map<String, String> keyPlaces, String place)
      implements JobTree {
    void put(String key, String keyPlace, JobTree value) {
      entries.put(key, value);
      keyPlaces.put(key, keyPlace);
    }

    static Mapping empty(String place) {
      return new Mapping(new LinkedHashMap<>(), new LinkedHashMap<>(), place);
    }
  }

  /**
   * Parses one YAML document.
   *
   * @param source stands before the line number in places
   */
  static JobTree parse(String yaml, String source) {
    try {
      LoadSettings settings = LoadSettings.builder().setLabel(source).build();
      @Nullable Node node = new Compose(settings).composeString(yaml).orElse(null);
      return node == null ? Mapping.empty(source) : convert(node, source);
    } catch (MarkedYamlEngineException e) {
      String line = e.getProblemMark().map(m -> ":" + (m.getLine() + 1)).orElse("");
      throw new JobFileException(source + line + ": not YAML: " + e.getProblem());
    } catch (YamlEngineException e) {
      throw new JobFileException(source + ": not YAML: " + e.getMessage());
    }
  }

  private static JobTree convert(Node node, String source) {
    String place = place(node, source);
    return switch (node) {
      case ScalarNode s -> new Scalar(s.getTag().equals(Tag.NULL) ? "" : s.getValue(), place);
      case SequenceNode s -> {
        List<JobTree> items = new ArrayList<>();
        for (Node item : s.getValue()) {
          items.add(convert(item, source));
        }
        yield new Sequence(items, place);
      }
      case MappingNode m -> {
        Mapping mapping = Mapping.empty(place);
        for (NodeTuple t : m.getValue()) {
          String keyPlace = place(t.getKeyNode(), source);
          if (!(t.getKeyNode() instanceof ScalarNode key)) {
            throw new JobFileException(keyPlace + ": a key must be a plain word");
          }
          if (mapping.entries().containsKey(key.getValue())) {
            throw new JobFileException(keyPlace + ": " + key.getValue() + " is there twice");
          }
          mapping.put(key.getValue(), keyPlace, convert(t.getValueNode(), source));
        }
        yield mapping;
      }
      default -> throw new JobFileException(place + ": aliases are not supported here");
    };
  }

  private static String place(Node node, String source) {
    return node.getStartMark().map(m -> source + ":" + (m.getLine() + 1)).orElse(source);
  }
}
