package dev.gyre.comms.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Zeroed memory whose pages are allocated on first touch. An arena writes the zeros immediately.
 * For a slab of tens of gigabytes this takes tens of seconds and all of the memory, even if a step
 * does not use it. The C library gets large blocks from the kernel, which knows that they are zero.
 */
public final class LazyMemory {
  private static final MethodHandle CALLOC =
      handle(
          "calloc",
          FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
  private static final MethodHandle FREE =
      handle("free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

  private LazyMemory() {}

  @SuppressWarnings("restricted")
  private static MethodHandle handle(String function, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), descriptor);
  }

  /**
   * @param arena frees the memory when it closes
   * @param alignment a power of two
   * @throws OutOfMemoryError if the address space or the machine's commit limit is too small
   */
  @SuppressWarnings("restricted")
  public static MemorySegment allocate(Arena arena, long bytes, long alignment) {
    long padded = Math.addExact(Math.max(1, bytes), alignment);
    MemorySegment block;
    try {
      block = (MemorySegment) CALLOC.invokeExact(1L, padded);
    } catch (Throwable e) {
      throw new IllegalStateException("calloc cannot be called", e);
    }
    if (block.address() == 0) {
      throw new OutOfMemoryError("no " + bytes + " bytes of memory");
    }
    MemorySegment owned = block.reinterpret(padded, arena, LazyMemory::free);
    long skip = -owned.address() & (alignment - 1);
    return owned.asSlice(skip, bytes);
  }

  private static void free(MemorySegment block) {
    try {
      FREE.invokeExact(block);
    } catch (Throwable e) {
      throw new IllegalStateException("free cannot be called", e);
    }
  }
}
