package dev.gyre.model;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.model.port.ParameterStore;
import dev.gyre.partitioning.model.ModelSpec;
import org.jspecify.annotations.Nullable;

/**
 * A decoder on one rank. It does not know the number of ranks: the ports handle all communication.
 *
 * <p>Every rank calls the same methods in the same order, also ranks without tokens. All memory of
 * a pass comes from its input and is released when it is closed. Single-threaded.
 */
public final class DecoderModel {
  final ModelSpec spec;
  final Execution execution;
  final Objective objective;
  final Backend backend;
  final ExpertGroup experts;
  final ParameterStore store;

  public DecoderModel(
      ModelSpec spec,
      Execution execution,
      Objective objective,
      Backend backend,
      ExpertGroup experts,
      ParameterStore store) {
    this.spec = spec;
    this.execution = execution;
    this.objective = objective;
    this.backend = backend;
    this.experts = experts;
    this.store = store;
  }

  /**
   * Runs embedding and layers of a micro-batch, and keeps what {@link Pass#backward} needs.
   *
   * @return to be closed by the caller
   */
  public Pass forward(PassInput input, Observer observer) {
    return opened(new Pass(this, input, true, observer), null);
  }

  /**
   * One micro-batch forward only.
   *
   * @param losses F32 [T], written, for the host to read: the nats of each token, 0 where
   *     unlabelled
   */
  public StepSums evaluate(PassInput input, Tensor losses, Observer observer) {
    try (Pass pass = forwardOnly(input, observer, null)) {
      return pass.loss(losses.require("losses", DType.F32, input.batch().count()));
    }
  }

  /**
   * Logits of some of this rank's tokens.
   *
   * @param tokens I32 [n], indices into the micro-batch's tokens
   * @param out F32 [n,V], written, for the host to read
   */
  public void logits(PassInput input, Tensor tokens, Tensor out) {
    try (Pass pass = forwardOnly(input, Observer.NONE, null)) {
      pass.logits(tokens, out);
    }
  }

  /**
   * Runs the forward pass again to find where values stop being finite. Every rank must call it.
   *
   * @return the first part of the model whose output on this rank is not finite, such as {@code
   *     layer 3 experts}, or null if all are
   */
  public @Nullable String firstNonFinite(PassInput input) {
    FiniteCheck check = new FiniteCheck(backend, input.workspace());
    try (Pass pass = forwardOnly(input, Observer.NONE, check)) {
      double nats = pass.loss(null).crossEntropy();
      if (check.found() != null) {
        return check.found();
      }
      return Double.isFinite(nats) ? null : "loss head";
    }
  }

  private Pass forwardOnly(PassInput input, Observer observer, @Nullable FiniteCheck check) {
    return opened(new Pass(this, input, false, observer), check);
  }

  private static Pass opened(Pass pass, @Nullable FiniteCheck check) {
    try {
      return pass.forward(check);
    } catch (RuntimeException | Error failed) {
      try {
        pass.close();
      } catch (RuntimeException second) {
        failed.addSuppressed(second);
      }
      throw failed;
    }
  }
}
