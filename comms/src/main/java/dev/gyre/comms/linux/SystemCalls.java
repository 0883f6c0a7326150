package dev.gyre.comms.linux;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The C library's {@code syscall}, for the system calls of this package. */
@SuppressWarnings("restricted") // binds native code
final class SystemCalls {
  /** System call numbers: linux/arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h. */
  private record Numbers(
      long futex, long setAffinity, long getAffinity, long advise, long control) {}

  private static final Numbers X86_64 = new Numbers(202, 203, 204, 28, 16);
  private static final Numbers AARCH64 = new Numbers(98, 122, 123, 233, 29);

  private final MethodHandle syscall;
  private final Numbers numbers;

  private SystemCalls(MethodHandle syscall, Numbers numbers) {
    this.syscall = syscall;
    this.numbers = numbers;
  }

  /** Empty if this is not Linux on a supported architecture. */
  static Optional<SystemCalls> find() {
    Numbers numbers = numbers();
    if (numbers == null) {
      return Optional.empty();
    }
    Linker linker = Linker.nativeLinker();
    SymbolLookup library = linker.defaultLookup();
    Optional<MemorySegment> symbol = library.find("syscall");
    return symbol.map(
        address ->
            new SystemCalls(
                linker.downcallHandle(
                    address,
                    FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG),
                    Linker.Option.firstVariadicArg(1)),
                numbers));
  }

  private static @Nullable Numbers numbers() {
    if (!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux")) {
      return null;
    }
    return switch (System.getProperty("os.arch", "")) {
      case "amd64", "x86_64" -> X86_64;
      case "aarch64", "arm64" -> AARCH64;
      default -> null;
    };
  }

  long futex(long address, long operation, long value, long timeoutAddress) {
    return call(numbers.futex, address, operation, value, timeoutAddress);
  }

  /** CPU affinity of the calling thread. */
  long setAffinity(long bytes, long maskAddress) {
    return call(numbers.setAffinity, 0, bytes, maskAddress, 0);
  }

  /** CPU affinity of the calling thread. */
  long getAffinity(long bytes, long maskAddress) {
    return call(numbers.getAffinity, 0, bytes, maskAddress, 0);
  }

  /** Tells the kernel how a range of memory will be used; 0 if it accepted the advice. */
  long advise(long address, long bytes, long advice) {
    return call(numbers.advise, address, bytes, advice, 0);
  }

  /** Queries a device; 0 if it answered. */
  long control(int descriptor, long request, long answerAddress) {
    return call(numbers.control, descriptor, request, answerAddress, 0);
  }

  private long call(long number, long a, long b, long c, long d) {
    try {
      return (long) syscall.invokeExact(number, a, b, c, d);
    } catch (Throwable impossible) {
      throw new AssertionError("a system call threw", impossible);
    }
  }
}
