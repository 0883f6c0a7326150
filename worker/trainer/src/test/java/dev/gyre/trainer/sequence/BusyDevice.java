package dev.gyre.trainer.sequence;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.ScalarBackendProvider;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.locks.LockSupport;

/**
 * A backend whose attention takes its time and does nothing: the calling thread is parked for so
 * long for each pair, twice as long backward. All else is the scalar backend's.
 */
final class BusyDevice implements Backend {
  private final Backend scalar = new ScalarBackendProvider().open(1);
  private final double nanosPerPair;
  private final Kernels kernels;
  private long busyNanos;

  BusyDevice(double nanosPerPair) {
    this.nanosPerPair = nanosPerPair;
    kernels =
        (Kernels)
            Proxy.newProxyInstance(
                Kernels.class.getClassLoader(),
                new Class<?>[] {Kernels.class},
                (_, method, arguments) ->
                    switch (method.getName()) {
                      case "attention" -> busy((AttentionTiles) arguments[4], 1);
                      case "attentionBackward" -> busy((AttentionTiles) arguments[4], 2);
                      default -> {
                        try {
                          yield method.invoke(scalar.kernels(), arguments);
                        } catch (InvocationTargetException e) {
                          throw e.getCause();
                        }
                      }
                    });
  }

  private Object busy(AttentionTiles tiles, int times) {
    long nanos = (long) (OverlapTest.pairs(tiles) * nanosPerPair * times);
    long end = System.nanoTime() + nanos;
    for (long left = nanos; left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
    busyNanos += nanos;
    return null;
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
  public boolean hostMemory() {
    return true;
  }

  @Override
  public long memory(MemorySegment host) {
    return scalar.memory(host);
  }

  @Override
  public void synchronize() {}

  @Override
  public void close() {
    scalar.close();
  }
}
