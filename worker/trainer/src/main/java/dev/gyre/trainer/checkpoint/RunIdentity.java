package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.model.ModelSpec;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a resumed run must share with the run that saved, and what may differ.
 *
 * @param data fingerprint of the training data
 * @param arithmetic every key of the job that changes what is computed, with its value; keys as in
 *     the job file
 * @param circumstances the execution environment, and keys that may change between runs: mesh,
 *     backend, instruction set, threads, build. A difference is reported, and the resume is then
 *     not bit-identical
 */
public record RunIdentity(
    String data, SortedMap<String, String> arithmetic, SortedMap<String, String> circumstances) {
  static final String STEPS = "train.steps";
  static final String DTYPE = "train.dtype";

  /**
   * A run's length and policy for non-finite steps may change; the rest of {@code train} is
   * arithmetic.
   */
  private static final Set<String> MAY_CHANGE = Set.of(RunIdentity.STEPS, "train.non-finite");

  /**
   * Keys that identities of earlier builds do not have, with the value that describes what those
   * builds computed.
   */
  static final Map<String, String> FORMER_VALUES = Map.of("train.stages", List.of().toString());

  public RunIdentity {
    arithmetic = new TreeMap<>(arithmetic);
    circumstances = new TreeMap<>(circumstances);
  }

  /**
   * @param dtype the compute dtype that the plan chose; the job may say {@code auto}
   * @param data fingerprint of the training data
   * @param circumstances mesh, backend and so on, under the names shown to the user
   */
  public static RunIdentity of(
      JobSpec job, String dtype, String data, Map<String, String> circumstances) {
    SortedMap<String, String> keys = new TreeMap<>();
    keys.putAll(ModelIdentity.of(job.model()));
    flatten("train.", job.train(), '-', keys);
    keys.put(DTYPE, dtype);
    // Activation policy and offload change no value; the plan's tiles are part of the
    // environment.
    keys.keySet().removeIf(key -> key.startsWith("train.memory."));
    DatasetSpec dataset = job.dataset();
    keys.put("dataset.packing", dataset.packing());
    keys.put("dataset.holdout", Double.toString(dataset.holdout()));
    for (int i = 0; i < dataset.train().size(); i++) {
      keys.put("dataset.train[" + i + "].weight", Double.toString(dataset.train().get(i).weight()));
    }
    SortedMap<String, String> free = new TreeMap<>(circumstances);
    for (String key : MAY_CHANGE) {
      String value = keys.remove(key);
      if (value != null) {
        free.put(key, value);
      }
    }
    return new RunIdentity(data, keys, free);
  }

  /** The identity of the same run, with the model's keys as this build names them. */
  RunIdentity withModel(ModelSpec model) {
    SortedMap<String, String> keys = new TreeMap<>(arithmetic);
    keys.keySet().removeIf(key -> key.startsWith(ModelIdentity.PREFIX));
    keys.putAll(ModelIdentity.of(model));
    return new RunIdentity(data, keys, circumstances);
  }

  /** All components, so that a key added to the job is compared without a change here. */
  private static void flatten(
      String prefix, Record values, char separator, Map<String, String> keys) {
    for (RecordComponent component : values.getClass().getRecordComponents()) {
      String name = prefix + words(component.getName(), separator);
      Object value;
      try {
        value = component.getAccessor().invoke(values);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("reading " + name, e);
      }
      if (value instanceof Record nested) {
        flatten(name + ".", nested, separator, keys);
      } else {
        keys.put(name, value instanceof List<?> list ? list.toString() : String.valueOf(value));
      }
    }
  }

  /** {@code sequenceLength} to {@code sequence-length}. */
  private static String words(String camelCase, char separator) {
    return camelCase
        .replaceAll("([a-z0-9])([A-Z])", "$1" + separator + "$2")
        .toLowerCase(Locale.ROOT);
  }
}
