package dev.gyre.deploy.run;

import dev.gyre.deploy.console.Units;
import dev.gyre.model.hf.HfWeights;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.data.PackStats;
import dev.gyre.trainer.worker.HostLimits;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/** Checks that find, before any worker starts, what would fail in every worker of a new run. */
public final class Preflight {
  /**
   * Least resident memory of a worker, without file pages, which workers share. The workers of a
   * job of 46 k parameters had 220 (scalar), 231 (vector) and 258 MiB (onednn) while they trained,
   * on a Xeon with AMX, 2026-11-29. A tenth is left for JVMs of other machines.
   */
  private static final long LEAST_WORKER_BYTES = 200L << 20;

  private Preflight() {}

  /**
   * Limits the number of workers, because each is a process and a typo must not exhaust the
   * machine.
   *
   * @throws Invalid naming the number, the limit and what to do
   */
  public static void requireWorkers(int workers) {
    requireWorkers(workers, HostLimits.memoryBytes());
  }

  static void requireWorkers(int workers, long memoryBytes) {
    long most = Math.max(1, memoryBytes / LEAST_WORKER_BYTES);
    if (workers > most) {
      throw new Invalid(
          "mesh.workers",
          String.format(
              Locale.ROOT,
              "is %,d, but each worker is a process of at least %d MB, and this machine has %s of memory. Use at most --workers %d",
              workers,
              LEAST_WORKER_BYTES >> 20,
              Units.bytes(memoryBytes),
              most));
    }
  }

  /**
   * Requires that this host has the cores for the threads that the job asks for.
   *
   * @throws Invalid if it has fewer
   */
  public static void requireThreads(JobSpec job) {
    WorkerCapabilities.requireThreads(
        job.mesh().kernelThreads(), Runtime.getRuntime().availableProcessors());
  }

  /**
   * Requires that an epoch fills a row: memory and schedules are planned for full rows.
   *
   * @throws Invalid if an epoch does not fill one row
   */
  public static void requireRows(JobSpec job, JobData data) {
    int row = job.train().sequenceLength();
    long tokens = data.feed().stats(0).tokens();
    if (row > tokens) {
      throw new Invalid(
          "train.sequence-length",
          String.format(
              Locale.ROOT,
              "is %,d, but dataset.train has only %,d tokens per epoch. Set it to at most %d, or add data",
              row,
              tokens,
              tokens));
    }
  }

  /**
   * Requires a label: without one there is nothing to learn, and every loss would be 0.
   *
   * @throws Invalid saying why no token has one
   */
  public static void requireLabels(JobSpec job, JobData data) {
    if (data.feed().hasLabels()) {
      return;
    }
    int prefix = job.model().prefix();
    throw new Invalid(
        "dataset.train",
        prefix > 1
            ? ("no token has a label, so there is nothing to learn: no document, or piece of one, is"
                    + " longer than model.prefix_length %,d; lower it, or train on longer documents")
                .formatted(prefix)
            : "no token has a label, so there is nothing to learn: every document has a single token;"
                + " a label is the next token of the same document");
  }

  /**
   * Requires that the packing of an epoch fits in the heap of a worker, which every worker
   * computes.
   *
   * @param workerHeapBytes heap of a worker
   * @throws Invalid if an epoch does not fit
   */
  public static void requirePackable(JobData data, long workerHeapBytes) {
    PackStats stats = data.feed().stats(0);
    long limit = Feed.packingHeap(workerHeapBytes);
    if (stats.packingBytes() > limit) {
      throw new Invalid(
          "dataset.train",
          String.format(
              Locale.ROOT,
              "an epoch of %,d documents takes %s to pack, a worker has %s for it; join short documents, or raise train.sequence-length",
              stats.documents(),
              Units.bytes(stats.packingBytes()),
              Units.bytes(limit)));
    }
  }

  /**
   * Reads the weights of {@code model.from} once.
   *
   * @throws Invalid naming the tensor that is missing, has another shape, or holds values that are
   *     not finite
   */
  public static void requireWeights(JobSpec job) throws IOException {
    if (!job.modelFrom().isEmpty()) {
      try (HfWeights weights = HfWeights.open(Path.of(job.modelFrom()), job.model())) {
        weights.requireFinite();
      }
    }
  }
}
