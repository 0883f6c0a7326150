package dev.gyre.trainer.sequence;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Kernels;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * Another's kernels, and what one thread asked of attention: pairs of the tiles, counted query by
 * query, and the thread's CPU time inside.
 */
final class MeasuredKernels {
  private final Kernels kernels;
  private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
  private long forwardPairs;
  private long backwardPairs;
  private long forwardNanos;
  private long backwardNanos;

  MeasuredKernels(Kernels kernels) {
    this.kernels = kernels;
  }

  /** The backend with these kernels. */
  Backend in(Backend backend) {
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) ->
                method.getName().equals("kernels") ? measured() : call(backend, method, arguments));
  }

  private Kernels measured() {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, arguments) -> {
              long before = threads.getCurrentThreadCpuTime();
              Object result = call(kernels, method, arguments);
              long nanos = threads.getCurrentThreadCpuTime() - before;
              switch (method.getName()) {
                case "attention" -> {
                  forwardPairs += pairs((AttentionTiles) arguments[4]);
                  forwardNanos += nanos;
                }
                case "attentionBackward" -> {
                  backwardPairs += pairs((AttentionTiles) arguments[4]);
                  backwardNanos += nanos;
                }
                default -> {}
              }
              return result;
            });
  }

  private static Object call(Object target, Method method, Object[] arguments) throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static long pairs(AttentionTiles tiles) {
    long pairs = 0;
    for (int t = 0; t < tiles.count(); t++) {
      for (long i = 0; i < tiles.queryCount(t); i++) {
        long first = Math.max(0, i - tiles.maxDelta(t));
        long last = Math.min(tiles.keyCount(t) - 1L, i - tiles.minDelta(t));
        pairs += Math.max(0, last - first + 1);
      }
    }
    return pairs;
  }

  long forwardPairs() {
    return forwardPairs;
  }

  long backwardPairs() {
    return backwardPairs;
  }

  long forwardNanos() {
    return forwardNanos;
  }

  long backwardNanos() {
    return backwardNanos;
  }
}
