package dev.gyre.trainer.step;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.Observer;
import dev.gyre.trainer.data.BatchShape;
import dev.gyre.trainer.data.Feed;
import dev.gyre.trainer.rank.PreparedRow;
import dev.gyre.trainer.rank.RowPart;
import dev.gyre.trainer.rank.TrainingRank;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Held-out loss, and loss by position. Every rank calls it, at the same steps. */
public final class Evaluation {
  /** First positions of all buckets but the first: powers of 8. */
  private static final int[] BOUNDS = {64, 512, 4096, 32768, 262144, Integer.MAX_VALUE};

  /** A label with a smaller loss has more than half of the probability. */
  private static final double LN_2 = StrictMath.log(2);

  private final TrainingRank rank;
  private final Feed feed;
  private final int rows;

  /**
   * @param rows at most this many held-out rows are measured, from the first
   */
  public Evaluation(TrainingRank rank, Feed feed, int rows) {
    this.rank = rank;
    this.feed = feed;
    this.rows = rows;
  }

  /** Whether there are held-out rows. */
  public boolean possible() {
    return rows > 0 && feed.heldOutRows() > 0;
  }

  /**
   * @param step the steps done so far, for the record
   */
  public EvalMetrics run(long step) {
    rank.transport().where().phase("evaluation");
    BatchShape shape = feed.heldOut(0, rows);
    double[] sums = new double[2 * BOUNDS.length + 1];
    for (MicroStep micro : MicroStep.all(shape, rank)) {
      measure(micro, sums);
    }
    rank.everyone().sum(sums);
    return metrics(step, sums, feed.isTask());
  }

  private void measure(MicroStep micro, double[] sums) {
    RowPart part = rank.layOut(micro.documents());
    try (PreparedRow prepared = rank.prepare(part, micro.source(feed), micro.totals())) {
      long mark = rank.workspace().savedMark();
      Tensor losses = rank.workspace().save(DType.F32, prepared.batch().count());
      rank.model().evaluate(prepared.input(), losses, rank.observer(Observer.NONE));
      add(losses.segment(), prepared.batch().labels(), prepared.batch().positions(), sums);
      rank.workspace().releaseSaved(mark);
    }
  }

  private static void add(MemorySegment losses, Tensor labels, Tensor positions, double[] sums) {
    MemorySegment label = labels.segment();
    MemorySegment position = positions.segment();
    for (long t = 0; t < labels.elements(); t++) {
      if (label.getAtIndex(ValueLayout.JAVA_INT, t) != Feed.NO_LABEL) {
        int bucket = 0;
        while (position.getAtIndex(ValueLayout.JAVA_INT, t) >= BOUNDS[bucket]) {
          bucket++;
        }
        float loss = losses.getAtIndex(ValueLayout.JAVA_FLOAT, t);
        sums[2 * bucket] += loss;
        sums[2 * bucket + 1]++;
        sums[2 * BOUNDS.length] += loss < LN_2 ? 1 : 0;
      }
    }
  }

  /**
   * @param sums of losses and of labels by bucket, alternating, and of labels with more than half
   *     of the probability
   * @param task whether the labels are answers
   */
  static EvalMetrics metrics(long step, double[] sums, boolean task) {
    List<EvalMetrics.PositionLoss> byPosition = new ArrayList<>();
    double nats = 0;
    double tokens = 0;
    for (int b = 0; b < BOUNDS.length; b++) {
      double count = sums[2 * b + 1];
      nats += sums[2 * b];
      tokens += count;
      if (count > 0) {
        int from = b == 0 ? 0 : BOUNDS[b - 1];
        byPosition.add(
            new EvalMetrics.PositionLoss(from, BOUNDS[b], sums[2 * b] / count, (long) count));
      }
    }
    Double sure = task && tokens > 0 ? sums[2 * BOUNDS.length] / tokens : null;
    double loss = tokens == 0 ? Double.NaN : nats / tokens;
    return new EvalMetrics(step, loss, (long) tokens, sure, byPosition);
  }
}
