package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Chooses the degrees that a job leaves open.
 *
 * <ul>
 *   <li>Neither workers nor a degree given: 2 workers. Only degrees given: their product.
 *   <li>Ulysses is 1 unless it is given or is the only open degree.
 *   <li>Ring and data-parallel both open: the largest ring that leaves each rank {@value
 *       #TOKENS_PER_RANK} tokens of a row, and data-parallel for the rest; but data-parallel never
 *       exceeds the rows of a step, because the other ranks would be idle; the ring is longer
 *       instead.
 *   <li>Expert-parallel open: {@link Planner} takes one of {@link #expertParallel}; without rates
 *       to predict from, the largest.
 * </ul>
 */
final class MeshResolver {
  static final int DEFAULT_WORKERS = 2;

  /** With fewer tokens per rank, a ring hop's messages take longer than its attention tiles. */
  static final int TOKENS_PER_RANK = 1024;

  private final MeshSpec spec;
  private final TrainSpec train;

  private MeshResolver(MeshSpec spec, TrainSpec train) {
    this.spec = spec;
    this.train = train;
  }

  static Mesh resolve(MeshSpec spec, TrainSpec train, ModelSpec model) {
    int[] degrees = new MeshResolver(spec, train).degrees();
    return mesh(degrees[0], degrees[1], degrees[2], spec, model);
  }

  /** Open degrees are 1; workers need not be given. */
  static Mesh resolve(MeshSpec spec, ModelSpec model) {
    int data = Math.max(1, spec.dataParallel());
    int ring = Math.max(1, spec.ring());
    int ulysses = Math.max(1, spec.ulysses());
    requireCountable(
        (long) data * ring * ulysses,
        "data-parallel %d × ring %d × ulysses %d".formatted(data, ring, ulysses));
    return mesh(data, ring, ulysses, spec, model);
  }

  private static void requireCountable(long workers, String factors) {
    if (!MeshSpec.DEGREE.holds((double) workers)) {
      throw new Invalid(
          "mesh",
          String.format(
              Locale.ROOT,
              "%s is %,d workers; at most %,.0f are supported",
              factors,
              workers,
              MeshSpec.DEGREE.most()));
    }
  }

  /** The divisors of the workers that do not exceed the experts, ascending. */
  static List<Integer> expertParallel(int workers, int experts) {
    List<Integer> degrees = new ArrayList<>();
    for (int x = 1; x <= Math.min(workers, Math.max(1, experts)); x++) {
      if (workers % x == 0) {
        degrees.add(x);
      }
    }
    return degrees;
  }

  private static Mesh mesh(int data, int ring, int ulysses, MeshSpec spec, ModelSpec model) {
    int experts = expertParallel(spec, data * ring * ulysses, ModelSize.of(model).experts());
    return new Mesh(data, ring, ulysses, experts);
  }

  /** Data-parallel, ring, ulysses. */
  private int[] degrees() {
    long given =
        (long) Math.max(1, spec.dataParallel())
            * Math.max(1, spec.ring())
            * Math.max(1, spec.ulysses());
    requireCountable(given, factors());
    boolean none = spec.dataParallel() == 0 && spec.ring() == 0 && spec.ulysses() == 0;
    long workers = spec.workers();
    if (workers == 0) {
      workers = none ? DEFAULT_WORKERS : given;
    }
    boolean all = spec.dataParallel() > 0 && spec.ring() > 0 && spec.ulysses() > 0;
    if (all && workers != given) {
      throw new Invalid(
          "mesh.workers",
          "%d is not %s = %d. Leave out mesh.workers, or one of the degrees for the plan to choose."
              .formatted(workers, factors(), given));
    }
    if (workers % given != 0) {
      long below = Math.max(given, workers / given * given);
      throw new Invalid(
          "mesh.workers",
          "%d cannot be made of %s: %d does not divide it. Use %d workers or other degrees."
              .formatted(workers, factors(), given, below));
    }
    return fill(Math.toIntExact(workers / given));
  }

  private int[] fill(int rest) {
    int data = Math.max(1, spec.dataParallel());
    int ring = Math.max(1, spec.ring());
    int ulysses = Math.max(1, spec.ulysses());
    boolean dataOpen = spec.dataParallel() == 0;
    boolean ringOpen = spec.ring() == 0;
    if (dataOpen && ringOpen) {
      ring = chooseRing(rest, ulysses);
      data = rest / ring;
    } else if (ringOpen) {
      ring = rest;
    } else if (dataOpen) {
      data = rest;
    } else {
      ulysses *= rest;
    }
    return new int[] {data, ring, ulysses};
  }

  private int chooseRing(int rest, int ulysses) {
    int ring = 1;
    for (int r = 1; r <= rest; r++) {
      boolean longEnough = train.sequenceLength() / ((long) r * ulysses) >= TOKENS_PER_RANK;
      if (rest % r == 0 && longEnough) {
        ring = r;
      }
    }
    while (rest / ring > train.rowsPerStep() || rest % ring != 0) {
      ring++;
    }
    return ring;
  }

  private String factors() {
    return "data-parallel %s × ring %s × ulysses %s"
        .formatted(orOpen(spec.dataParallel()), orOpen(spec.ring()), orOpen(spec.ulysses()));
  }

  private static String orOpen(int degree) {
    return degree == 0 ? "(open)" : Integer.toString(degree);
  }

  private static int expertParallel(MeshSpec spec, int workers, int experts) {
    int largest = expertParallel(workers, experts).getLast();
    int wanted = spec.expertParallel();
    if (wanted > 1 && experts == 0) {
      throw new Invalid(
          "mesh.expert-parallel", wanted + " but the model has no experts. Use 1 or leave it out.");
    }
    if (wanted > Math.max(1, experts)) {
      throw new Invalid(
          "mesh.expert-parallel",
          "%d is more than the model's %d experts. Use expert-parallel %d for %d workers."
              .formatted(wanted, experts, largest, workers));
    }
    if (wanted > 0 && workers % wanted != 0) {
      throw new Invalid(
          "mesh.expert-parallel",
          "%d does not divide the %d workers. Use expert-parallel %d."
              .formatted(wanted, workers, largest));
    }
    return wanted == 0 ? largest : wanted;
  }
}
