package dev.gyre.partitioning.plan;

import static dev.gyre.partitioning.plan.CostModel.F32_BYTES;

import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.HeadSplit;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Simulates the memory of one micro-batch's forward and backward: every tensor in the order in
 * which the model's operations allocate it, so that the peak is the same. A test in the trainer
 * compares it with the measured peak.
 *
 * <p>Legend: t tokens of the rank, T those of its ring rank, d hidden size, H and K all query and
 * key/value heads times head size, h and k one Ulysses rank's, F expert or MLP width, V vocabulary,
 * M = t·(experts per token) rows, R received rows, n rows of a tile; e bytes of the compute dtype.
 */
final class PassMemory {
  private final ModelSpec model;
  private final ActivationPlan policy;
  private final PassShape shape;
  private final StackModel stack = new StackModel();
  private final boolean ulysses;
  private final long rowRanks;
  private final long e;
  private final long t;
  private final long d;
  private final long qWidth;
  private final long kvWidth;
  private final long heads;
  private final long qPart;
  private final long kvPart;
  private final long headsPart;
  private final long kvCopies;
  private final long allExperts;
  private final long perToken;
  private final long rows;
  private final Deque<Long> stored = new ArrayDeque<>();
  private long storedNow;
  private long storedMost;

  /**
   * Position after the loss: the gradient of the residual stream, which each block passes to the
   * one before.
   */
  private StackModel.Mark gradient = stack.mark();

  /**
   * Whether a segment's saved activations are dropped at its end, because backward recomputes them.
   */
  private boolean dropping;

  private PassMemory(
      ModelSpec model, Mesh mesh, long elementBytes, ActivationPlan policy, PassShape shape) {
    this.model = model;
    this.policy = policy;
    this.shape = shape;
    this.ulysses = mesh.ulysses() > 1;
    this.rowRanks = mesh.rowRanks();
    e = elementBytes;
    t = shape.tokens();
    d = model.width();
    heads = model.heads().queries();
    qWidth = heads * model.heads().size();
    kvWidth = (long) model.heads().keyValues() * model.heads().size();
    HeadSplit split = HeadSplit.of(model.heads().kvHeadOf(), mesh);
    // Rank 0 has the longest run of query heads; key/value heads of a run differ by one at most.
    headsPart = split.parts().getFirst().queryHeads();
    int kvHeads = 0;
    int copies = 0;
    for (HeadSplit.Part part : split.parts()) {
      kvHeads = Math.max(kvHeads, part.kvHeads());
      copies += part.kvHeads();
    }
    qPart = headsPart * model.heads().size();
    kvPart = (long) kvHeads * model.heads().size();
    kvCopies = (long) copies * model.heads().size();
    allExperts = model.experts();
    perToken = model.expertsPerToken();
    rows = t * perToken;
  }

  /** The stacks after a pass, and the peak of offloaded bytes. */
  record Result(StackModel stack, long stored) {}

  static Result of(
      ModelSpec model, Mesh mesh, long elementBytes, ActivationPlan policy, PassShape shape) {
    PassMemory pass = new PassMemory(model, mesh, elementBytes, policy, shape);
    pass.run();
    return new Result(pass.stack, pass.storedMost);
  }

  private void run() {
    stack.save(3 * t * Integer.BYTES); // tokens, labels, positions
    if (ulysses) {
      stack.save((2 * t * heads + t * kvCopies / model.heads().size()) * Integer.BYTES);
    }
    if (shape.moved() && model.linearLayers() > 0) {
      stack.save(2 * t * Integer.BYTES);
    }
    for (int rope = 0; rope < model.ropes().size(); rope++) {
      stack.save(t * model.heads().size() * F32_BYTES); // its table
    }
    stack.save(residual());
    stack.passing(rounded(t * d));
    if (policy.offload()) {
      stack.save(residual()); // the second of two alternating residual buffers
    }
    int layers = model.depth();
    StackModel.Mark[] starts = new StackModel.Mark[2 * layers];
    long[] kept = new long[2 * layers];
    for (int block = 0; block < 2 * layers; block++) {
      if (!policy.offload()) {
        stack.save(residual());
      }
      starts[block] = stack.mark();
      kept[block] = forwardOf(block, starts[block]);
    }
    head();
    for (int block = 2 * layers - 1; block >= 0; block--) {
      backwardOf(block, starts[block], kept[block]);
    }
  }

  /** Returns the bytes saved for backward, in memory or offloaded, without the residual. */
  private long forwardOf(int block, StackModel.Mark start) {
    boolean recomputed = !policy.recompute().equals(ActivationPlan.NONE);
    dropping = recomputed;
    if (linear(block)) {
      linearForward(false);
    } else if (block % 2 == 0) {
      attentionForward(false);
    } else if (model.isMoe(block / 2)) {
      expertsForward(block, false);
    } else {
      denseForward(block, false);
    }
    dropping = false;
    stack.releaseScratch(start);
    if (recomputed) {
      stack.releaseSaved(start);
      keepAgain(block);
    }
    long kept = stack.savedSince(start);
    if (policy.offload()) {
      stack.releaseSaved(start);
      stored.push(kept + residual());
      storedNow += kept + residual();
      storedMost = Math.max(storedMost, storedNow);
    }
    return kept;
  }

  /** Saves what a recomputed block keeps for backward. */
  private void keepAgain(int block) {
    if (block % 2 == 0) {
      if (policy.recompute().equals(ActivationPlan.ATTENTION_SAVING)) {
        stack.save(e * t * qWidth);
        if (linear(block)) {
          linearSaved();
        } else {
          attentionSaved();
        }
      }
    } else if (model.isMoe(block / 2)) {
      decision();
    }
  }

  private void backwardOf(int block, StackModel.Mark start, long kept) {
    StackModel.Mark before = stack.mark();
    stack.releaseSaved(start);
    if (policy.offload()) {
      storedNow -= stored.pop();
    }
    if (policy.recompute().equals(ActivationPlan.NONE)) {
      // Expert rows are counted apart only if those of all layers are in memory at once.
      long experts = policy.offload() ? 0 : before.savedExperts() - start.savedExperts();
      stack.saveExperts(experts);
      stack.save(kept - experts);
    } else {
      keepAgain(block);
    }
    boolean again = !policy.recompute().equals(ActivationPlan.NONE);
    if (linear(block)) {
      if (again) {
        linearForward(true);
      }
      linearBackward();
    } else if (block % 2 == 0) {
      if (again) {
        attentionForward(true);
      }
      attentionBackward();
    } else if (model.isMoe(block / 2)) {
      if (again) {
        expertsForward(block, true);
      }
      expertsBackward(block);
    } else {
      if (again) {
        denseForward(block, true);
      }
      denseBackward(block);
    }
    stack.releaseScratch(gradient);
    stack.releaseSaved(start);
  }

  private long residual() {
    return F32_BYTES * t * d;
  }

  /** Bytes of a compute-dtype copy of an f32 tensor; 0 if the compute dtype is f32. */
  private long rounded(long elements) {
    return e == F32_BYTES ? 0 : e * elements;
  }

  private void save(long bytes) {
    if (dropping) {
      stack.scratch(bytes);
    } else {
      stack.save(bytes);
    }
  }

  private void norm() {
    save(e * t * d);
    save(F32_BYTES * t);
  }

  private void attentionForward(boolean again) {
    norm();
    boolean attentionKept = again && policy.recompute().equals(ActivationPlan.ATTENTION_SAVING);
    if (attentionKept && ulysses) {
      return; // exchanged q, k and v are saved, so they are not recomputed
    }
    save(e * t * qWidth);
    save(e * t * kvWidth);
    save(e * t * kvWidth);
    if (attentionKept) {
      return;
    }
    boolean attentionDropped = policy.recompute().equals(ActivationPlan.ALL);
    if (attentionDropped) {
      save(e * t * qWidth);
    } else {
      stack.save(e * t * qWidth);
    }
    attentionSaved();
    StackModel.Mark mark = stack.mark();
    if (ulysses) {
      stack.passing(e * t * (qWidth + 2 * kvCopies));
    }
    stack.scratch(e == F32_BYTES ? 0 : F32_BYTES * shape.ringTokens() * qPart);
    stack.passing(shape.forwardSlots());
    stack.releaseScratch(mark);
    if (ulysses) {
      stack.passing(e * t * qWidth);
    }
  }

  private void attentionSaved() {
    long all = shape.ringTokens();
    if (ulysses) {
      stack.save(e * all * 2 * qPart);
      stack.save(e * all * 2 * kvPart);
      stack.save(F32_BYTES * all * headsPart);
    } else {
      stack.save(F32_BYTES * t * heads);
    }
  }

  private void attentionBackward() {
    stack.scratch(e * t * qWidth); // gradient of attention's output
    stack.passing(rounded(t * d));
    stack.scratch(F32_BYTES * t * qWidth);
    stack.scratch(2 * F32_BYTES * t * kvWidth);
    StackModel.Mark mark = stack.mark();
    long all = shape.ringTokens();
    stack.scratch(F32_BYTES * all * headsPart); // delta
    if (ulysses) {
      stack.scratch(e * all * qPart);
      stack.scratch(F32_BYTES * all * (qPart + 2 * kvPart));
      stack.passing(e * t * qWidth);
    }
    stack.passing(shape.backwardSlots());
    if (ulysses) {
      stack.passing(F32_BYTES * t * (qWidth + 2 * kvCopies));
    }
    stack.releaseScratch(mark);
    stack.scratch(F32_BYTES * t * d); // of the norm's output
    stack.passing(rounded(t * Math.max(qWidth, kvWidth)));
  }

  private boolean linear(int block) {
    return block % 2 == 0 && model.isLinear(block / 2);
  }

  private long width(int block) {
    return model.feedForward(block / 2).width();
  }

  private long state() {
    return F32_BYTES * qWidth * model.heads().size();
  }

  private void linearForward(boolean again) {
    norm();
    save(2 * e * t * qWidth); // q, and silu of it
    save(2 * e * t * kvWidth);
    save(e * t * kvWidth);
    if (!again || policy.recompute().equals(ActivationPlan.ALL)) {
      if (policy.recompute().equals(ActivationPlan.ALL)) {
        save(e * t * qWidth);
      } else {
        stack.save(e * t * qWidth);
      }
      linearSaved();
      StackModel.Mark mark = stack.mark();
      if (shape.moved()) {
        stack.passing(e * t * (qWidth + 2 * kvWidth));
        stack.scratch(e * t * qWidth);
      }
      stack.passing((1 + ranksBefore()) * state());
      stack.passing(shape.moved() ? e * t * qWidth : 0);
      stack.releaseScratch(mark);
    }
    save(e * t * qWidth); // normed
    save(F32_BYTES * t);
  }

  /** The last rank of a row receives the states of all others. */
  private long ranksBefore() {
    return rowRanks - 1;
  }

  private void linearSaved() {
    if (shape.moved()) {
      stack.save(e * t * (qWidth + 2 * kvWidth));
    }
    stack.save(state());
  }

  private void linearBackward() {
    stack.scratch(F32_BYTES * t * qWidth); // gradient of the normed output
    stack.passing(rounded(t * d));
    stack.scratch(F32_BYTES * t * qWidth); // gradient of the output
    stack.scratch(F32_BYTES * t * (qWidth + 2 * kvWidth));
    StackModel.Mark mark = stack.mark();
    stack.scratch(rounded(t * qWidth));
    if (shape.moved()) {
      stack.scratch(e * t * qWidth);
      stack.scratch(F32_BYTES * t * (qWidth + 2 * kvWidth));
      stack.passing(e * t * qWidth);
    }
    stack.passing((2 + ranksBefore()) * state());
    if (shape.moved()) {
      stack.passing(F32_BYTES * t * (qWidth + 2 * kvWidth));
    }
    stack.releaseScratch(mark);
    stack.scratch(F32_BYTES * t * d); // of the norm's output
    stack.passing(rounded(t * kvWidth));
    stack.scratch(F32_BYTES * t * kvWidth); // gradient of silu's input
    stack.scratch(F32_BYTES * t * qWidth);
    stack.passing(rounded(t * qWidth));
  }

  private void denseForward(int block, boolean again) {
    norm();
    if (policy.mlpTile() == 0) {
      save(e * t * 2 * width(block));
      save(e * t * width(block));
    } else if (!again) {
      stack.passing(e * tile(t) * 3 * width(block));
    }
  }

  private void denseBackward(int block) {
    long width = width(block);
    if (policy.mlpTile() == 0) {
      stack.scratch(e * t * width);
      stack.passing(rounded(t * d));
      stack.scratch(e * t * 2 * width);
      stack.scratch(F32_BYTES * t * d);
    } else {
      stack.scratch(F32_BYTES * t * d);
      stack.passing(e * tile(t) * 6 * width + rounded(tile(t) * d));
    }
  }

  private long tile(long count) {
    return policy.mlpTile() == 0 ? count : Math.min(count, policy.mlpTile());
  }

  /**
   * Saves the routing decision: probabilities, log-sum-exp, chosen experts, weights, rows and
   * slots.
   */
  private void decision() {
    stack.save(F32_BYTES * t * (allExperts + 1 + 4 * perToken));
  }

  private void expertsForward(int block, boolean again) {
    norm();
    if (!again) {
      decision();
      stack.passing(F32_BYTES * t * allExperts + normed());
    }
    saveRows(e * rows * d);
    long received = shape.received();
    if (!shape.severalRounds()) {
      saveRows(e * received * d);
    }
    StackModel.Mark mark = stack.mark();
    stack.scratch(e * rows * d);
    if (shape.severalRounds()) {
      stack.scratch(e * received * d);
    }
    stack.scratch(e * received * d);
    long gated = e * tile(received) * 3 * width(block);
    if (policy.mlpTile() == 0 && !shape.severalRounds()) {
      saveRows(gated);
    } else {
      stack.scratch(gated);
    }
    stack.releaseScratch(mark);
  }

  private void saveRows(long bytes) {
    if (dropping) {
      stack.scratch(bytes);
    } else {
      stack.saveExperts(bytes);
    }
  }

  /** Bytes of the router's norm in f32, if the block's is rounded to bf16. */
  private long normed() {
    return e == F32_BYTES ? 0 : F32_BYTES * t * (d + 1);
  }

  private void expertsBackward(int block) {
    long width = width(block);
    long received = shape.received();
    stack.scratch(e * rows * d);
    stack.scratch(F32_BYTES * rows);
    stack.scratch(F32_BYTES * t * d);
    StackModel.Mark mark = stack.mark();
    stack.scratch(e * rows * d);
    if (shape.severalRounds()) {
      stack.scratch(e * received * d);
      stack.passing(e * rows * d);
    }
    stack.scratch(e * received * d);
    boolean kept = policy.mlpTile() == 0 && !shape.severalRounds();
    stack.passing(e * tile(received) * (kept ? 3 : 6) * width);
    stack.releaseScratch(mark);
    stack.passing(F32_BYTES * t * allExperts + normed());
  }

  private void head() {
    stack.scratch(residual());
    gradient = stack.mark();
    long n = Math.min(t, policy.lossTile());
    long logits = n * model.vocabulary();
    stack.passing(F32_BYTES * (2 * n + logits) + e * n * d + rounded(logits) + F32_BYTES * n * d);
  }
}
