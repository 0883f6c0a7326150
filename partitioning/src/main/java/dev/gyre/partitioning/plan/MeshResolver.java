package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

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

  private static final List<Axis> RANKS = Mesh.ORDERS.getFirst();

  private final MeshSpec spec;
  private final TrainSpec train;

  private MeshResolver(MeshSpec spec, TrainSpec train) {
    this.spec = spec;
    this.train = train;
  }

  static Mesh resolve(MeshSpec spec, TrainSpec train, ModelSpec model) {
    return withExperts(new MeshResolver(spec, train).mesh(), spec, model);
  }

  /** Open degrees are 1; workers need not be given. */
  static Mesh resolve(MeshSpec spec, ModelSpec model) {
    requireCountable(given(spec), factors(spec, "1"));
    return withExperts(atLeastOne(spec), spec, model);
  }

  /** The degree that a job asks for; 0 if it leaves it open. */
  private static int asked(MeshSpec spec, Axis axis) {
    return switch (axis) {
      case DATA -> spec.dataParallel();
      case RING -> spec.ring();
      case ULYSSES -> spec.ulysses();
      case EXPERT -> spec.expertParallel();
      case EXPERT_REPLICA -> 0;
    };
  }

  /** Product of the degrees that are given. */
  private static long given(MeshSpec spec) {
    long product = 1;
    for (Axis axis : RANKS) {
      product *= Math.max(1, asked(spec, axis));
    }
    return product;
  }

  /** The degrees that are given, and 1 for the others; the experts are not distributed. */
  private static Mesh atLeastOne(MeshSpec spec) {
    Map<Axis, Integer> degrees = new EnumMap<>(Axis.class);
    for (Axis axis : RANKS) {
      degrees.put(axis, Math.max(1, asked(spec, axis)));
    }
    return new Mesh(degrees);
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

  private static Mesh withExperts(Mesh mesh, MeshSpec spec, ModelSpec model) {
    int experts = ModelSize.of(model).experts();
    return mesh.with(Axis.EXPERT, expertParallel(spec, mesh.workers(), experts));
  }

  private Mesh mesh() {
    long given = given(spec);
    String factors = factors(spec, "(open)");
    requireCountable(given, factors);
    boolean none = RANKS.stream().allMatch(this::isOpen);
    long workers = spec.workers();
    if (workers == 0) {
      workers = none ? DEFAULT_WORKERS : given;
    }
    boolean all = RANKS.stream().noneMatch(this::isOpen);
    if (all && workers != given) {
      throw new Invalid(
          "mesh.workers",
          "%d is not %s = %d. Leave out mesh.workers, or one of the degrees for the plan to choose."
              .formatted(workers, factors, given));
    }
    if (workers % given != 0) {
      long below = Math.max(given, workers / given * given);
      throw new Invalid(
          "mesh.workers",
          "%d cannot be made of %s: %d does not divide it. Use %d workers or other degrees."
              .formatted(workers, factors, given, below));
    }
    return fill(Math.toIntExact(workers / given));
  }

  private boolean isOpen(Axis axis) {
    return asked(spec, axis) == 0;
  }

  /**
   * @param rest product of the open degrees
   */
  private Mesh fill(int rest) {
    Mesh mesh = atLeastOne(spec);
    if (isOpen(Axis.DATA) && isOpen(Axis.RING)) {
      int ring = chooseRing(rest, mesh.ulysses());
      return mesh.with(Axis.RING, ring).with(Axis.DATA, rest / ring);
    }
    Axis open = isOpen(Axis.RING) ? Axis.RING : isOpen(Axis.DATA) ? Axis.DATA : Axis.ULYSSES;
    return mesh.with(open, mesh.degree(open) * rest);
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

  private static String factors(MeshSpec spec, String open) {
    return RANKS.stream()
        .map(axis -> axis.key() + " " + (asked(spec, axis) == 0 ? open : "" + asked(spec, axis)))
        .collect(Collectors.joining(" × "));
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
