package dev.gyre.comms.linux;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;

/** The program that this process runs. */
public final class ProcessImage {
  private ProcessImage() {}

  /**
   * Runs another program in place of this JVM, as a shell's {@code exec} does: with the same
   * process id, terminal and environment, so that signals reach it as they reached this one.
   * Returns only by an exception.
   *
   * @param line the program's path and its arguments
   */
  @SuppressWarnings("restricted")
  public static void replace(List<String> line) throws IOException {
    System.out.flush();
    System.err.flush();
    Linker linker = Linker.nativeLinker();
    MethodHandle execv =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("execv"),
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment arguments = arena.allocate(ValueLayout.ADDRESS, line.size() + 1L);
      for (int i = 0; i < line.size(); i++) {
        arguments.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(line.get(i)));
      }
      arguments.setAtIndex(ValueLayout.ADDRESS, line.size(), MemorySegment.NULL);
      int failed = (int) execv.invokeExact(arena.allocateFrom(line.getFirst()), arguments);
      throw new IOException(line.getFirst() + " cannot be run (execv gave " + failed + ")");
    } catch (IOException | RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("execv throws nothing", e);
    }
  }
}
