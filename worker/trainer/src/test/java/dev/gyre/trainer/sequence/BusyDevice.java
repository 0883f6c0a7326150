package dev.gyre.trainer.sequence;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import java.util.concurrent.locks.LockSupport;

/**
 * A backend whose attention only takes time: it parks the calling thread for a fixed time per pair,
 * twice as long backward. All other kernels are the scalar backend's.
 */
final class BusyDevice implements Backend {
  private final Backend scalar = new ScalarBackendProvider().open(1);
  private final double nanosPerPair;
  private final Kernels kernels;
  private long busyNanos;

  BusyDevice(double nanosPerPair) {
    this.nanosPerPair = nanosPerPair;
    kernels =
        KernelCall.receivedBy(
            call -> {
              switch (call.kernel()) {
                case "attention" -> busy((AttentionTiles) call.arguments()[4], 1);
                case "attentionBackward" -> busy((AttentionTiles) call.arguments()[4], 2);
                default -> call.on(scalar.kernels());
              }
            });
  }

  private void busy(AttentionTiles tiles, int times) {
    long nanos = (long) (OverlapTest.pairs(tiles) * nanosPerPair * times);
    long end = System.nanoTime() + nanos;
    for (long left = nanos; left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
    busyNanos += nanos;
  }

  /** How long its kernels should have taken. */
  long busyNanos() {
    return busyNanos;
  }

  @Override
  public String name() {
    return "busy";
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public void close() {
    scalar.close();
  }
}
