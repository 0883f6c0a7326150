package dev.gyre.deploy.job;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

/**
 * A parsed YAML document, every node with its place in the source. Does not know the job's keys.
 */
sealed interface JobTree {
  /** For example {@code recipes/a.yaml:24}, or the {@code --set} it came from. */
  String place();

  record Scalar(String text, String place) implements JobTree {}

  /** A key without a value, or an explicit null. */
  record Empty(String place) implements JobTree {}

  record Sequence(List<JobTree> items, String place) implements JobTree {}

  /** Mutable, so that {@code --set} can override values. */
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
   * @param source name of the source, shown before the line number
   */
  static JobTree parse(String yaml, String source) {
    try {
      LoadSettings settings = LoadSettings.builder().setLabel(source).build();
      @Nullable Node node = new Compose(settings).composeString(yaml).orElse(null);
      return node == null ? new Empty(source) : new Conversion(source).convert(node);
    } catch (MarkedYamlEngineException e) {
      String line = e.getProblemMark().map(m -> ":" + (m.getLine() + 1)).orElse("");
      throw new JobFileException(source + line + ": not YAML: " + e.getProblem());
    } catch (YamlEngineException e) {
      throw new JobFileException(source + ": not YAML: " + e.getMessage());
    } catch (StackOverflowError e) {
      throw new JobFileException(source + ": not a job: its values are nested too deep");
    }
  }

  /** Converts the parser's nodes. An alias is the same node again. */
  final class Conversion {
    /** A job has some hundred nodes; nested aliases could expand to billions. */
    private static final int MOST_NODES = 100_000;

    private final String source;
    private final Set<Node> around = Collections.newSetFromMap(new IdentityHashMap<>());
    private int nodes;

    private Conversion(String source) {
      this.source = source;
    }

    private JobTree convert(Node node) {
      String place = place(node);
      if (++nodes > MOST_NODES) {
        throw new JobFileException(place + ": more than " + MOST_NODES + " values");
      }
      if (!around.add(node)) {
        throw new JobFileException(place + ": an alias refers to a value that contains it");
      }
      JobTree converted =
          switch (node) {
            case ScalarNode s ->
                s.getTag().equals(Tag.NULL) ? new Empty(place) : new Scalar(s.getValue(), place);
            case SequenceNode s -> sequence(s, place);
            case MappingNode m -> mapping(m, place);
            default -> throw new JobFileException(place + ": not a value, a list or keys");
          };
      around.remove(node);
      return converted;
    }

    private Sequence sequence(SequenceNode node, String place) {
      List<JobTree> items = new ArrayList<>();
      for (Node item : node.getValue()) {
        items.add(convert(item));
      }
      return new Sequence(items, place);
    }

    private Mapping mapping(MappingNode node, String place) {
      Mapping mapping = Mapping.empty(place);
      for (NodeTuple t : node.getValue()) {
        String keyPlace = place(t.getKeyNode());
        if (!(t.getKeyNode() instanceof ScalarNode key)) {
          throw new JobFileException(keyPlace + ": a key must be a plain word");
        }
        if (mapping.entries().containsKey(key.getValue())) {
          throw new JobFileException(keyPlace + ": duplicate key " + key.getValue());
        }
        mapping.put(key.getValue(), keyPlace, convert(t.getValueNode()));
      }
      return mapping;
    }

    private String place(Node node) {
      return node.getStartMark().map(m -> source + ":" + (m.getLine() + 1)).orElse(source);
    }
  }
}
