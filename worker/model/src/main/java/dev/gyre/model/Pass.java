package dev.gyre.model;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.Block.PassContext;
import dev.gyre.model.port.ParameterStore;
import dev.gyre.model.port.ParameterUnit;
import dev.gyre.model.tape.Segment;
import dev.gyre.model.tape.Tape;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.MixerSpec.LatentAttention;
import dev.gyre.partitioning.model.MixerSpec.LinearAttention;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.Rotation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One micro-batch on its way through the model: what its forward computed, until its backward has
 * used it.
 *
 * <p>A pass owns the memory of its {@link PassInput}. Several passes may be in flight, each with an
 * input of its own, and end in any order; gradients are those of one pass after the other, in the
 * order of the calls of {@link #backward}. Every rank makes the same calls in the same order.
 * Single-threaded.
 */
public final class Pass implements AutoCloseable {
  private final ModelSpec model;
  private final Execution execution;
  private final Backend backend;
  private final ParameterStore store;
  private final Workspace workspace;
  private final MicroBatch batch;
  private final PassContext context;
  private final Tape tape;
  private final Ops ops;
  private final Embedding embedding;
  private final List<Block> blocks = new ArrayList<>();
  private final LanguageHead head;
  private @Nullable Variable residual;

  /** An open pass that has computed nothing yet. */
  Pass(DecoderModel of, PassInput input, boolean training, Observer observer) {
    this.model = of.spec;
    this.execution = of.execution;
    this.backend = of.backend;
    this.store = of.store;
    this.workspace = input.workspace();
    this.batch = input.batch();
    this.tape = new Tape(backend, workspace, training ? input.activations() : null, training);
    this.ops = new Ops(backend, workspace, store, tape, execution.compute());
    this.embedding = new Embedding(ops, model);
    int tile = execution.mlpTileTokens();
    for (int l = 0; l < model.depth(); l++) {
      blocks.add(
          switch (model.mixer(l)) {
            case SoftmaxAttention spec -> new AttentionBlock(ops, model, spec, l);
            case LatentAttention spec -> new LatentAttentionBlock(ops, model, spec, l);
            case LinearAttention spec -> new LinearAttentionBlock(ops, model, spec, l);
          });
      blocks.add(
          switch (model.feedForward(l)) {
            case DenseMlp spec -> new DenseBlock(ops, model, spec, l, tile);
            case MixtureOfExperts spec ->
                new MoeBlock(ops, model, spec, of.experts, of.objective, l, tile);
          });
    }
    this.head = new LanguageHead(ops, model, execution.lossTileTokens());
    this.context =
        new PassContext(
            batch,
            input.sequence(),
            new HashMap<>(),
            new RouterStatistics(model, of.objective, batch),
            observer);
  }

  private void makeRopeTables() {
    for (Rotation rotation : model.rotations()) {
      Tensor table = workspace.save(DType.F32, batch.count(), 2, rotation.size() / 2);
      ops.kernels.ropeTable(
          batch.positions(),
          rotation.rope().frequencies(rotation.size()),
          rotation.rope().scaling().attentionFactor(),
          table);
      context.ropeTables().put(rotation, table);
    }
  }

  /** Runs embedding and layers. */
  Pass forward(@Nullable FiniteCheck check) {
    makeRopeTables();
    store.enter(ParameterUnit.EMBEDDING);
    context.observer().entering(-1, ModelPhase.EMBEDDING);
    Variable x = embedding.forward(batch.tokens(), context.observer());
    store.leave(ParameterUnit.EMBEDDING);
    if (check != null) {
      check.look(x.value(), "embedding");
    }
    Tensor spare = tape.stores() ? newResidual() : null;
    for (Block block : blocks) {
      if (block.opensLayer()) {
        store.enter(block.unit());
      }
      Tensor input = x.value();
      x = run(block, x, spare);
      spare = spare == null ? null : input; // its contents are offloaded
      if (check != null) {
        check.look(x.value(), block.name());
      }
      if (!block.opensLayer()) {
        store.leave(block.unit());
      }
    }
    residual = x;
    return this;
  }

  /**
   * The head, and the gradients of everything: adds this rank's part of the objective's gradients
   * to the store. Ends the pass; {@link #close} must follow.
   *
   * @return this rank's part of the losses
   * @throws IllegalStateException the second time
   */
  public StepSums backward() {
    Variable x = residual();
    double nats = nats(x, null);
    tape.backward();
    backend.synchronize();
    return sums(nats);
  }

  /**
   * The losses alone, of a pass without backward.
   *
   * @param losses F32 [T], written, for the host to read: the nats of each token, 0 where
   *     unlabelled; null for their sum alone
   */
  StepSums loss(@Nullable Tensor losses) {
    double nats = nats(residual(), losses);
    backend.synchronize();
    if (losses != null) {
      backend.hostReads(losses);
    }
    return sums(nats);
  }

  /** Σ of this rank's nats; also settles what the layers' backward needs of the whole row. */
  private double nats(Variable x, @Nullable Tensor losses) {
    context.observer().entering(-1, ModelPhase.HEAD);
    store.enter(ParameterUnit.HEAD);
    double nats = head.loss(x, batch, losses, context.observer());
    store.leave(ParameterUnit.HEAD);
    context.observer().entering(-1, ModelPhase.ROW_STATISTICS);
    context.statistics().settle(context.sequence());
    return nats;
  }

  private StepSums sums(double nats) {
    double crossEntropy = batch.batchLabelled() == 0 ? 0 : nats / batch.batchLabelled();
    return context.statistics().sums(crossEntropy);
  }

  /**
   * Logits of some of this rank's tokens, of a pass without backward.
   *
   * @param tokens I32 [n], indices into the micro-batch's tokens
   * @param out F32 [n,V], written, for the host to read
   */
  void logits(Tensor tokens, Tensor out) {
    out.require("logits", DType.F32, tokens.elements(), model.vocabulary());
    store.enter(ParameterUnit.HEAD);
    head.logitsOf(residual(), tokens, out);
    store.leave(ParameterUnit.HEAD);
    backend.synchronize();
    backend.hostReads(out);
  }

  private Variable residual() {
    Variable x = residual;
    if (x == null) {
      throw new IllegalStateException("the pass has ended, or has not run forward");
    }
    residual = null;
    return x;
  }

  private Tensor newResidual() {
    return workspace.save(DType.F32, batch.count(), model.width());
  }

  /**
   * @param spare memory for the block's output; null for new memory
   */
  private Variable run(Block block, Variable x, @Nullable Tensor spare) {
    // The norm's backward reads its input, so a training pass needs a new residual; otherwise the
    // old one is updated in place.
    Variable next =
        tape.training()
            ? new Variable(
                "residual after " + block.name(), spare == null ? newResidual() : spare, DType.F32)
            : x;
    context.observer().entering(block.layer, block.phase);
    tape.segment(new BlockSegment(block, x, next), execution.checkpointing());
    return next;
  }

  /** Releases the pass's memory, also of one that failed or was not needed. */
  @Override
  public void close() {
    tape.end();
  }

  /** A block on the tape. */
  private final class BlockSegment implements Segment {
    private final Block block;
    private final Variable x;
    private final Variable next;

    BlockSegment(Block block, Variable x, Variable next) {
      this.block = block;
      this.x = x;
      this.next = next;
    }

    @Override
    public String name() {
      return block.name();
    }

    @Override
    public void forward() {
      block.forward(x, next, context);
    }

    @Override
    public Tensor input() {
      return x.value();
    }

    @Override
    public void backwardStarts() {
      if (!block.opensLayer()) {
        store.enter(block.unit());
      }
      context.observer().entering(block.layer, block.backwardPhase);
    }

    @Override
    public void backwardEnded() {
      if (block.opensLayer()) {
        store.leave(block.unit());
      }
    }
  }
}
