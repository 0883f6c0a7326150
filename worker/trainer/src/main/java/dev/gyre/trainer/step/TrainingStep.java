package dev.gyre.trainer.step;

import dev.gyre.comms.Counters;
import dev.gyre.model.Objective;
import dev.gyre.model.Observer;
import dev.gyre.model.StepSums;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.plan.CostModel;
import dev.gyre.trainer.data.BatchShape;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.data.RowShape;
import dev.gyre.trainer.rank.PreparedRow;
import dev.gyre.trainer.rank.RowPart;
import dev.gyre.trainer.rank.TrainingRank;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One optimizer step: feed → forward and backward of the micro-batches → losses and gradients
 * summed over the ranks → clipped AdamW on the owned shard → all-gather of the new weights. Every
 * rank calls {@link #run} for the same steps in the same order.
 */
public final class TrainingStep {
  /** Size of a message about values that are not finite. */
  private static final int MESSAGE_BYTES = 512;

  /** Added to the norm before dividing, as PyTorch's clip_grad_norm_ does. */
  private static final double CLIP_EPS = 1e-6;

  private final TrainingRank rank;
  private final Feed feed;
  private final List<String> terms;
  private final long flopsPerToken;
  private final TrainSpec train;
  private final long peakFlopsPerSecond;
  private final List<Integer> moeLayers = new ArrayList<>();
  private final double[] sums;
  private final SkippedSteps skipped;
  private final Map<String, Map<String, Integer>> schedules = new TreeMap<>();

  /**
   * @param peakFlopsPerSecond matmul rate of all ranks together, for MFU; 0 if unknown
   */
  public TrainingStep(TrainingRank rank, Feed feed, TrainSpec train, long peakFlopsPerSecond) {
    this(rank, feed, train, peakFlopsPerSecond, 0);
  }

  /**
   * Of a run that is resumed.
   *
   * @param skippedBefore steps without an update so far
   */
  public TrainingStep(
      TrainingRank rank, Feed feed, TrainSpec train, long peakFlopsPerSecond, long skippedBefore) {
    this.skipped = new SkippedSteps(skippedBefore);
    this.rank = rank;
    this.feed = feed;
    this.train = train;
    this.peakFlopsPerSecond = peakFlopsPerSecond;
    ModelSpec model = rank.spec().model();
    terms = model.lossTerms();
    flopsPerToken = CostModel.linearFlops(model, 1);
    for (int layer = 0; layer < model.depth(); layer++) {
      if (model.isMoe(layer)) {
        moeLayers.add(layer);
      }
    }
    sums = new double[loadFrom() + moeLayers.size() * model.experts()];
  }

  /*
   * Layout of the one reduction per step: cross-entropy and each loss term, one slot per rank for
   * its request code, rows per expert. Each rank fills its own slot only, so the sum gives every
   * rank all codes.
   */
  private int askedFrom() {
    return 1 + terms.size();
  }

  private int loadFrom() {
    return askedFrom() + rank.transport().size();
  }

  /**
   * Result of a step.
   *
   * @param asked largest {@code asked} of all ranks, the same on every rank
   */
  public record Result(StepMetrics metrics, long asked) {}

  /**
   * Trains on the global batch of a step.
   *
   * @param step from 0
   * @param asked the newest request code this rank has seen, 0 for none; asked for when forward and
   *     backward are done, so that a request is served in the step in which it comes. Ranks agree
   *     on the largest
   * @throws NumericException on every rank, before any weight has changed
   */
  public Result run(long step, LongSupplier asked) {
    long began = System.nanoTime();
    Counters before = rank.transport().counters();
    rank.transport().where().step(step);
    rank.workspace().resetPeak();
    BatchShape shape = feed.shape(step);
    rank.parameters().zeroGradients();
    java.util.Arrays.fill(sums, 0);
    schedules.clear();
    for (MicroStep micro : MicroStep.all(shape, rank)) {
      add(trainOn(micro));
    }
    sums[askedFrom() + rank.transport().rank()] = asked.getAsLong();
    rank.transport().where().phase("loss reduction");
    rank.everyone().sum(sums);
    double lr = train.optimizer().lrAt(step, train.steps());
    double norm = Double.NaN;
    boolean finite = Double.isFinite(total());
    if (finite) {
      rank.parameters().reduceGradients();
      norm = Math.sqrt(rank.parameters().squaredNorm());
      finite = Double.isFinite(norm);
    }
    if (finite) {
      skipped.applied();
      rank.parameters().step(train.optimizer(), lr, clip(norm), skipped.update(step));
    } else {
      skip(step, shape, norm);
    }
    double seconds = (System.nanoTime() - began) / 1e9;
    StepMetrics metrics = metrics(step, shape, norm, lr, !finite, seconds, before);
    return new Result(metrics, agreed());
  }

  /** Steps so far whose update was skipped, those before a resume included. */
  public long skipped() {
    return skipped.total();
  }

  private void skip(long step, BatchShape shape, double norm) {
    if (train.nonFinite().equals("fail")) {
      throw new NumericException(
          whereNotFinite(step, shape, norm)
              + ". No weight was changed. Continue with train.non-finite: skip to leave such batches"
              + " out, or lower train.optimizer.lr");
    }
    skipped.skipped();
    if (skipped.tooMany()) {
      throw new NumericException(
          "%d steps in a row were skipped, the last: %s. Go on from an earlier checkpoint with a lower train.optimizer.lr"
              .formatted(SkippedSteps.MOST_IN_A_ROW, whereNotFinite(step, shape, norm)));
    }
  }

  private StepSums trainOn(MicroStep micro) {
    RowPart part = rank.layOut(micro.documents());
    part.choices()
        .forEach(
            (layers, schedule) ->
                schedules
                    .computeIfAbsent(layers.key(), _ -> new TreeMap<>())
                    .merge(schedule, 1, Integer::sum));
    try (PreparedRow prepared = rank.prepare(part, micro.source(feed), micro.totals())) {
      return prepared.forwardBackward(rank.observer(Observer.NONE));
    }
  }

  private void add(StepSums micro) {
    sums[0] += micro.crossEntropy();
    for (int i = 0; i < terms.size(); i++) {
      sums[1 + i] += micro.terms().get(i).value();
    }
    int at = loadFrom();
    for (int layer : moeLayers) {
      for (long rows : micro.expertRows()[layer]) {
        sums[at++] += rows;
      }
    }
  }

  private double total() {
    Objective objective = rank.spec().objective();
    double total = sums[0];
    for (int i = 0; i < terms.size(); i++) {
      total += objective.coefficient(terms.get(i)) * sums[1 + i];
    }
    return total;
  }

  private double clip(double norm) {
    double limit = train.optimizer().clip();
    return limit == 0 ? 1 : Math.min(1, limit / (norm + CLIP_EPS));
  }

  private long agreed() {
    long largest = 0;
    for (int r = 0; r < rank.transport().size(); r++) {
      largest = Math.max(largest, (long) sums[askedFrom() + r]);
    }
    return largest;
  }

  /**
   * Broadcasts the first layer with a value that is not finite, from the lowest rank that has one.
   */
  private String whereNotFinite(long step, BatchShape shape, double norm) {
    @Nullable String mine = null;
    for (MicroStep micro : MicroStep.all(shape, rank)) {
      try (PreparedRow prepared =
          rank.prepare(rank.layOut(micro.documents()), micro.source(feed), micro.totals())) {
        String found = rank.model().firstNonFinite(prepared.input());
        mine = mine == null ? found : mine;
      }
    }
    int self = rank.transport().rank();
    double[] found = new double[rank.transport().size()];
    found[self] = mine == null ? 0 : 1;
    rank.everyone().sum(found);
    String what = Double.isFinite(total()) ? "gradient norm " + norm : "loss " + total();
    String first =
        "all activations are finite: the backward pass overflowed; lower the learning rate";
    for (int r = 0; r < found.length; r++) {
      if (found[r] > 0) {
        first = tell(r, "first in " + mine + " on rank " + r);
        break;
      }
    }
    return "step %d: %s is not finite; %s".formatted(step, what, first);
  }

  private String tell(int from, String text) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment bytes = arena.allocate(MESSAGE_BYTES);
      if (rank.transport().rank() == from) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        MemorySegment.copy(
            MemorySegment.ofArray(utf8), 0, bytes, 0, Math.min(utf8.length, MESSAGE_BYTES - 1));
      }
      rank.everyone().broadcast(from, bytes);
      return bytes.getString(0);
    }
  }

  private StepMetrics metrics(
      long step,
      BatchShape shape,
      double norm,
      double lr,
      boolean skipped,
      double seconds,
      Counters before) {
    Counters after = rank.transport().counters();
    Map<String, Long> bytes = new HashMap<>();
    after
        .bytesSent()
        .forEach((kind, sent) -> bytes.put(kind, sent - before.bytesSent().getOrDefault(kind, 0L)));
    double transfers = (after.transferNanos() - before.transferNanos()) / 1e9;
    double waits = (after.waitNanos() - before.waitNanos()) / 1e9;
    double flops = flops(shape);
    return new StepMetrics(
        step + 1,
        shape.labelled() == 0 ? Double.NaN : sums[0],
        total(),
        lossTerms(),
        shape.tokens(),
        seconds,
        shape.tokens() / seconds,
        peakFlopsPerSecond == 0 ? 0 : flops / seconds / peakFlopsPerSecond,
        norm,
        skipped ? 0 : lr,
        expertLoad(),
        bytes,
        new TreeMap<>(schedules),
        seconds - transfers,
        transfers - waits,
        waits,
        transfers / seconds,
        rank.workspace().peakBytes() + rank.parameters().byteSize(),
        skipped,
        null);
  }

  /** Model FLOPs of the step, forward and backward, without recomputation. */
  private double flops(BatchShape shape) {
    ModelSpec model = rank.spec().model();
    double flops = (double) flopsPerToken * shape.tokens();
    for (RowShape row : shape.rows()) {
      flops += CostModel.attentionFlops(model, row.documents());
    }
    return flops;
  }

  private Map<String, Double> lossTerms() {
    Map<String, Double> losses = new LinkedHashMap<>();
    for (int i = 0; i < terms.size(); i++) {
      losses.put(StepMetrics.lossKey(terms.get(i)), sums[1 + i]);
    }
    return losses;
  }

  private List<List<Long>> expertLoad() {
    List<List<Long>> load = new ArrayList<>();
    int at = loadFrom();
    for (int layer = 0; layer < moeLayers.size(); layer++) {
      List<Long> experts = new ArrayList<>();
      for (int e = 0; e < rank.spec().model().experts(); e++) {
        experts.add((long) sums[at++]);
      }
      load.add(experts);
    }
    return load;
  }
}
