package dev.gyre.comms.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** CPU affinity of the calling thread and of the threads it starts afterwards. */
public final class CoreAffinity {
  /** Room for 8,192 cores, the maximum of the kernel's build options. */
  private static final int MASK_BYTES = 1024;

  private final SystemCalls calls;

  private CoreAffinity(SystemCalls calls) {
    this.calls = calls;
  }

  /** Empty if the system does not support it. */
  public static Optional<CoreAffinity> find() {
    return SystemCalls.find().map(CoreAffinity::new);
  }

  /** Core numbers in ascending order; empty if the system does not tell. */
  public List<Integer> cores() {
    List<Integer> cores = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(MASK_BYTES, Long.BYTES);
      long written = calls.getAffinity(MASK_BYTES, mask.address());
      for (int core = 0; core < written * Byte.SIZE; core++) {
        if ((mask.get(ValueLayout.JAVA_BYTE, core / Byte.SIZE) >> core % Byte.SIZE & 1) != 0) {
          cores.add(core);
        }
      }
    }
    return cores;
  }

  /**
   * Pins the calling thread, and threads it starts from now on, to these cores.
   *
   * @return whether the system did so
   */
  public boolean bind(List<Integer> cores) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = arena.allocate(MASK_BYTES, Long.BYTES);
      for (int core : cores) {
        if (core < 0 || core >= MASK_BYTES * Byte.SIZE) {
          throw new IllegalArgumentException("this system has no core " + core);
        }
        int at = core / Byte.SIZE;
        mask.set(
            ValueLayout.JAVA_BYTE,
            at,
            (byte) (mask.get(ValueLayout.JAVA_BYTE, at) | 1 << core % Byte.SIZE));
      }
      return calls.setAffinity(MASK_BYTES, mask.address()) == 0;
    }
  }
}
