package dev.gyre.trainer.dryrun;

import dev.gyre.model.tape.ActivationStore;

/** Counts the bytes that are offloaded, and keeps none. */
final class CountedStore implements ActivationStore {
  private long now;
  private long most;

  @Override
  public void push(long address, long bytes) {
    now += bytes;
    most = Math.max(most, now);
  }

  @Override
  public void pop(long address, long bytes) {
    now -= bytes;
  }

  @Override
  public void clear() {
    now = 0;
  }

  /** Most bytes that were stored at once. */
  long most() {
    return most;
  }
}
