package dev.gyre.trainer.rank;

import dev.gyre.comms.Progress;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.ModelPhase;
import dev.gyre.model.Observer;

/** Writes the model's position to the rank's progress, and forwards all events. */
record ProgressObserver(Progress where, Observer inner) implements Observer {
  @Override
  public void entering(int layer, ModelPhase phase) {
    where.layer(layer);
    where.phase(phase.label());
    inner.entering(layer, phase);
  }

  @Override
  public void logits(long firstToken, Tensor logits) {
    inner.logits(firstToken, logits);
  }

  @Override
  public boolean replay(int layer, Tensor indices) {
    return inner.replay(layer, indices);
  }

  @Override
  public void routed(int layer, Tensor indices, Tensor weights) {
    inner.routed(layer, indices, weights);
  }
}
