package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.job.Records;
import dev.gyre.partitioning.model.ModelSpec;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Every value of a model under a key, to compare two models value by value. A value of layers is
 * one text if it is the same in all of them, else a list.
 */
final class ModelIdentity {
  static final String PREFIX = "model.";
  private static final String ABSENT = "-";

  /** Keys of the job file for values of the tree. Values without one keep their path. */
  private static final Map<String, String> JOB_FILE_KEYS =
      Map.ofEntries(
          Map.entry("embedding.vocabulary", "vocab_size"),
          Map.entry("embedding.width", "hidden_size"),
          Map.entry("layers", "num_hidden_layers"),
          Map.entry("layers.mixer.heads.queries", "num_attention_heads"),
          Map.entry("layers.mixer.heads.keyValues", "num_key_value_heads"),
          Map.entry("layers.mixer.heads.size", "head_dim"),
          Map.entry("layers.mixer.kind", "layer_types"),
          Map.entry("layers.mixer.mask.window", "sliding_window"),
          Map.entry("layers.mixer.mask.sinks", "attention_sinks"),
          Map.entry("layers.mixer.mask.anchor", "anchor_token"),
          Map.entry("layers.mixer.mask.prefix", "prefix_length"),
          Map.entry("layers.mixer.rope.theta", "rope_theta"),
          Map.entry("layers.feedForward.width", "intermediate_size"),
          Map.entry("layers.feedForward.experts", "num_local_experts"),
          Map.entry("layers.feedForward.router.perToken", "num_experts_per_tok"),
          Map.entry("head.tied", "tie_word_embeddings"),
          Map.entry("normEps", "rms_norm_eps"),
          Map.entry("initializerRange", "initializer_range"));

  private ModelIdentity() {}

  static SortedMap<String, String> of(ModelSpec model) {
    SortedMap<String, String> paths = new TreeMap<>();
    flatten("", model, paths);
    SortedMap<String, String> keys = new TreeMap<>();
    paths.forEach(
        (path, value) -> keys.put(PREFIX + JOB_FILE_KEYS.getOrDefault(path, path), value));
    return keys;
  }

  /** All components, so that a value added to the model is compared without a change here. */
  private static void flatten(String prefix, Record values, Map<String, String> paths) {
    for (RecordComponent component : values.getClass().getRecordComponents()) {
      String path = prefix + component.getName();
      switch (Records.value(values, component)) {
        case List<?> list -> flattenList(path, list, paths);
        case Record nested -> {
          if (component.getType().isInterface()) {
            paths.put(path, nested.getClass().getSimpleName());
          }
          flatten(path + ".", nested, paths);
        }
        case Object plain -> paths.put(path, plain.toString());
      }
    }
  }

  /** Of a list of records, each value as one text or a list. */
  private static void flattenList(String path, List<?> list, Map<String, String> paths) {
    paths.put(path, Integer.toString(list.size()));
    SortedMap<String, List<String>> columns = new TreeMap<>();
    for (int i = 0; i < list.size(); i++) {
      SortedMap<String, String> one = new TreeMap<>();
      flatten(path + ".", (Record) list.get(i), one);
      for (Map.Entry<String, String> entry : one.entrySet()) {
        columns
            .computeIfAbsent(
                entry.getKey(), _ -> new ArrayList<>(Collections.nCopies(list.size(), ABSENT)))
            .set(i, entry.getValue());
      }
    }
    columns.forEach(
        (key, values) ->
            paths.put(
                key,
                values.stream().distinct().count() == 1 ? values.getFirst() : values.toString()));
  }
}
