package dev.gyre.model;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.Block.PassContext;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.model.port.ParameterStore;
import dev.gyre.model.port.SequenceGroup;
import dev.gyre.model.tape.ActivationStore;
import dev.gyre.model.tape.Segment;
import dev.gyre.model.tape.Tape;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.LayerSpec;
import dev.gyre.partitioning.model.MixerSpec.LinearAttention;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeSpec;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A decoder on one rank. It does not know the number of ranks: the ports handle all communication.
 *
 * <p>Every rank calls the same methods in the same order, also ranks without tokens. All step
 * memory comes from the workspace and is released before a call returns, also if it throws.
 * Single-threaded.
 */
public final class DecoderModel {
  private final ModelSpec model;
  private final Backend backend;
  private final Workspace workspace;
  private final SequenceGroup sequence;
  private final Execution execution;
  private final Tape tape;
  private final Ops ops;
  private final Embedding embedding;
  private final List<Block> blocks = new ArrayList<>();
  private final LanguageHead head;

  /**
   * @param workspace memory of this backend that holds a micro-batch's activations
   * @param activations where block inputs and saved activations are offloaded until backward; null
   *     to keep them in the workspace
   */
  public DecoderModel(
      ModelSpec model,
      Execution execution,
      Objective objective,
      Backend backend,
      Workspace workspace,
      SequenceGroup sequence,
      ExpertGroup experts,
      ParameterStore store,
      @Nullable ActivationStore activations) {
    this.model = model;
    this.backend = backend;
    this.workspace = workspace;
    this.sequence = sequence;
    this.execution = execution;
    this.tape = new Tape(backend, workspace, activations);
    this.ops = new Ops(backend.kernels(), workspace, store, tape, execution.compute());
    this.embedding = new Embedding(ops, model);
    int tile = execution.mlpTileTokens();
    for (int l = 0; l < model.depth(); l++) {
      blocks.add(
          switch (model.mixer(l)) {
            case SoftmaxAttention spec -> new AttentionBlock(ops, model, spec, sequence, l);
            case LinearAttention spec -> new LinearAttentionBlock(ops, model, spec, sequence, l);
          });
      blocks.add(
          switch (model.feedForward(l)) {
            case DenseMlp spec -> new DenseBlock(ops, model, spec, l, tile);
            case MixtureOfExperts spec ->
                new MoeBlock(ops, backend, model, spec, experts, objective, l, tile);
          });
    }
    this.head = new LanguageHead(ops, backend, model, execution.lossTileTokens());
  }

  /**
   * One micro-batch forward and backward: adds this rank's part of the objective's gradients to the
   * store, and returns its part of the losses.
   */
  public StepSums forwardBackward(MicroBatch batch, Observer observer) {
    return pass(batch, true, null, observer);
  }

  /**
   * One micro-batch forward only.
   *
   * @param losses F32 [T], written, for the host to read: the nats of each token, 0 where
   *     unlabelled
   */
  public StepSums evaluate(MicroBatch batch, Tensor losses, Observer observer) {
    return pass(batch, false, losses.require("losses", DType.F32, batch.count()), observer);
  }

  /**
   * Logits of some of this rank's tokens.
   *
   * @param tokens I32 [n], indices into the micro-batch's tokens
   * @param out F32 [n,V], written, for the host to read
   */
  public void logits(MicroBatch batch, Tensor tokens, Tensor out) {
    out.require("logits", DType.F32, tokens.elements(), model.vocabulary());
    tape.begin(false);
    try {
      PassContext pass = context(batch, Observer.NONE);
      head.logitsOf(layers(pass, null), tokens, out);
      backend.synchronize();
      backend.hostReads(out);
    } finally {
      tape.end();
    }
  }

  /**
   * Runs the forward pass again to find where values stop being finite. Every rank must call it.
   *
   * @return the first part of the model whose output on this rank is not finite, such as {@code
   *     layer 3 experts}, or null if all are
   */
  public @Nullable String firstNonFinite(MicroBatch batch) {
    tape.begin(false);
    try {
      FiniteCheck check = new FiniteCheck();
      Variable x = layers(context(batch, Observer.NONE), check);
      if (check.found == null) {
        double nats = head.loss(x, batch, null, Observer.NONE);
        check.found = Double.isFinite(nats) ? null : "loss head";
      }
      return check.found;
    } finally {
      tape.end();
    }
  }

  private StepSums pass(
      MicroBatch batch, boolean training, @Nullable Tensor losses, Observer observer) {
    tape.begin(training);
    try {
      PassContext pass = context(batch, observer);
      Variable x = layers(pass, null);
      observer.entering(-1, ModelPhase.HEAD);
      double nats = head.loss(x, batch, losses, observer);
      observer.entering(-1, ModelPhase.ROW_STATISTICS);
      pass.statistics().settle(sequence);
      if (training) {
        tape.backward();
      }
      backend.synchronize();
      if (losses != null) {
        backend.hostReads(losses);
      }
      double crossEntropy = batch.batchLabelled() == 0 ? 0 : nats / batch.batchLabelled();
      return pass.statistics().sums(crossEntropy, batch);
    } finally {
      tape.end();
    }
  }

  private PassContext context(MicroBatch batch, Observer observer) {
    Map<RopeSpec, Tensor> ropeTables = new HashMap<>();
    for (LayerSpec layer : model.layers()) {
      if (layer.mixer() instanceof SoftmaxAttention softmax
          && !ropeTables.containsKey(softmax.rope())) {
        ropeTables.put(softmax.rope(), ropeTable(batch, softmax));
      }
    }
    return new PassContext(batch, ropeTables, new RouterStatistics(model), observer);
  }

  private Tensor ropeTable(MicroBatch batch, SoftmaxAttention softmax) {
    Tensor table = workspace.save(DType.F32, batch.count(), 2, softmax.heads().size() / 2);
    ops.kernels.ropeTable(batch.positions(), softmax.rope().theta(), table);
    return table;
  }

  /** Runs the embedding and all blocks; returns the last residual. */
  private Variable layers(PassContext pass, @Nullable FiniteCheck check) {
    pass.observer().entering(-1, ModelPhase.EMBEDDING);
    Variable x = embedding.forward(pass.batch().tokens(), pass.observer());
    if (check != null) {
      check.checkFinite(x.value(), "embedding");
    }
    Tensor spare = tape.stores() ? newResidual(pass) : null;
    for (Block block : blocks) {
      Tensor input = x.value();
      x = run(block, x, spare, pass);
      spare = spare == null ? null : input; // its contents are offloaded
      if (check != null) {
        check.checkFinite(x.value(), block.name());
      }
    }
    return x;
  }

  private Tensor newResidual(PassContext pass) {
    return workspace.save(DType.F32, pass.batch().count(), model.width());
  }

  /**
   * @param spare memory for the block's output; null for new memory
   */
  private Variable run(Block block, Variable x, @Nullable Tensor spare, PassContext pass) {
    // The norm's backward reads its input, so a training pass needs a new residual; otherwise the
    // old one is updated in place.
    Variable next =
        tape.training()
            ? new Variable(
                "residual after " + block.name(),
                spare == null ? newResidual(pass) : spare,
                DType.F32)
            : x;
    pass.observer().entering(block.layer, block.phase);
    tape.segment(new BlockSegment(block, x, next, pass), execution.checkpointing());
    if (block.phase != ModelPhase.ATTENTION) {
      ops.store.release(block.layer);
    }
    return next;
  }

  /** A block on the tape. */
  private final class BlockSegment implements Segment {
    private final Block block;
    private final Variable x;
    private final Variable next;
    private final PassContext pass;

    BlockSegment(Block block, Variable x, Variable next, PassContext pass) {
      this.block = block;
      this.x = x;
      this.next = next;
      this.pass = pass;
    }

    @Override
    public String name() {
      return block.name();
    }

    @Override
    public void forward() {
      block.forward(x, next, pass);
    }

    @Override
    public Tensor input() {
      return x.value();
    }

    @Override
    public void backwardStarts() {
      pass.observer().entering(block.layer, block.backwardPhase);
    }

    @Override
    public void backwardEnded() {
      if (block.phase == ModelPhase.ATTENTION) {
        ops.store.release(block.layer);
      }
    }
  }

  /** Remembers the first output with a value that is not finite. */
  private final class FiniteCheck {
    private @Nullable String found;

    void checkFinite(Tensor x, String where) {
      if (found != null) {
        return;
      }
      long mark = workspace.scratchMark();
      Tensor sum = workspace.scratch(DType.F64, 1);
      ops.kernels.fill(sum, 0f);
      ops.kernels.sumSquares(x, sum);
      backend.hostReads(sum);
      if (!Double.isFinite(sum.segment().get(ValueLayout.JAVA_DOUBLE, 0))) {
        found = where;
      }
      workspace.releaseScratch(mark);
    }
  }
}
