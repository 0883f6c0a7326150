package dev.gyre.comms;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** Counts payload bytes by collective, and waiting time. Any thread may read it. */
final class TrafficMeter {
  private final ConcurrentHashMap<Collective, LongAdder> bytesByKind = new ConcurrentHashMap<>();
  private final AtomicLong transferNanos = new AtomicLong();
  private final AtomicLong idleNanos = new AtomicLong();
  private final AtomicLong idleCpuNanos = new AtomicLong();

  void sent(Collective kind, long bytes) {
    LongAdder adder = bytesByKind.get(kind);
    if (adder == null) {
      adder = bytesByKind.computeIfAbsent(kind, _ -> new LongAdder());
    }
    adder.add(bytes);
  }

  /**
   * @param idle the part of nanos in which nothing could progress
   * @param idleCpu CPU time used during idle
   */
  void waited(long nanos, long idle, long idleCpu) {
    transferNanos.addAndGet(nanos);
    idleNanos.addAndGet(idle);
    idleCpuNanos.addAndGet(idleCpu);
  }

  Counters snapshot() {
    Map<String, Long> bytes = new HashMap<>();
    bytesByKind.forEach((kind, adder) -> bytes.put(kind.key(), adder.sum()));
    return new Counters(bytes, transferNanos.get(), idleNanos.get(), idleCpuNanos.get());
  }
}
