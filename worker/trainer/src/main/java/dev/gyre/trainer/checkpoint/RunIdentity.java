package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.job.KeyValue;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a resumed run must share with the run that saved, and what may differ.
 *
 * @param data fingerprint of the training data
 * @param arithmetic every key of the job that changes what is computed, with its value; keys as in
 *     the job file, see {@link dev.gyre.partitioning.job.Effect}
 * @param circumstances the execution environment, and keys that may change between runs: mesh,
 *     backend, instruction set, threads, build. A difference is reported, and the resume is then
 *     not bit-identical
 */
public record RunIdentity(
    String data, SortedMap<String, String> arithmetic, SortedMap<String, String> circumstances) {
  static final String STEPS = "train.steps";
  static final String DTYPE = "train.dtype";

  /** The list of {@code train.sequence-length}, which is empty for rows of one length. */
  private static final String STAGES = "train.stages";

  /** Former builds trained on one row at a time. */
  public static final String ROWS = "rows per micro-step";

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
    SortedMap<String, String> fixed = new TreeMap<>();
    SortedMap<String, String> free = new TreeMap<>(circumstances);
    fixed.putAll(ModelIdentity.of(job.model()));
    for (KeyValue key : KeyValue.of(job)) {
      switch (Objects.requireNonNull(key.key().effect(), key.path())) {
        case ARITHMETIC -> fixed.put(key.path(), key.value().toString());
        case COURSE -> free.put(key.path(), key.value().toString());
        case DATA, EXECUTION, NONE -> {}
      }
    }
    fixed.put(STAGES, job.train().stages().toString());
    fixed.put(DTYPE, dtype);
    return new RunIdentity(data, fixed, free);
  }

  /** The identity of the same run, with the model's keys as this build names them. */
  RunIdentity withModel(ModelSpec model) {
    SortedMap<String, String> keys = new TreeMap<>(arithmetic);
    keys.keySet().removeIf(key -> key.startsWith(ModelIdentity.PREFIX));
    keys.putAll(ModelIdentity.of(model));
    return new RunIdentity(data, keys, circumstances);
  }

  /**
   * The value of a key that an identity lacks because its build did not know the key.
   *
   * @return empty if every build knew it
   */
  static Optional<String> unstated(String path) {
    if (path.equals(STAGES)) {
      return Optional.of(List.of().toString());
    }
    if (path.equals(ROWS)) {
      return Optional.of("1");
    }
    Key key = JobSpec.KEYS.at(path);
    return key == null || key.unstated() == null
        ? Optional.empty()
        : Optional.of(key.parse(key.unstated()).toString());
  }
}
