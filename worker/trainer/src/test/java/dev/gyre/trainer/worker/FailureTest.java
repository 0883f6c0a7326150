package dev.gyre.trainer.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.of;

import dev.gyre.comms.ExitCode;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.plan.InvalidPlanException;
import dev.gyre.trainer.data.DataException;
import dev.gyre.trainer.files.StorageException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Exit code 70 means a bug in Gyre and nothing else; messages have the cause and what to do. */
final class FailureTest {
  static Stream<Arguments> machine() {
    return Stream.of(
        of(new OutOfMemoryError("Java heap space"), "out of memory (Java heap space; heap limit"),
        of(new OutOfMemoryError("unable to create native thread"), "ulimit -u"),
        of(new NoClassDefFoundError("a/B"), "NoClassDefFoundError: a/B cannot be loaded"),
        of(
            new NoClassDefFoundError("a/B").initCause(new ClassNotFoundException("a.B")),
            "is incomplete or was changed while this process ran"),
        of(new UnsatisfiedLinkError("x.so: file too short"), "x.so: file too short"),
        of(
            new InternalError("a fault occurred in an unsafe memory access operation"),
            "/dev/shm or the disk is full"),
        of(
            new UncheckedIOException("writing a.jsonl", system("No space left on device")),
            "writing a.jsonl: a.bin: No space left on device; free some space"),
        of(new UncheckedIOException(new IOException("Input/output error")), "Input/output error"),
        of(system("File too large"), "a.bin: File too large; raise the limit on file sizes"),
        of(
            StorageException.of(Path.of("a.bin"), new IOException("No space left on device"))
                .during("saving step 100"),
            "saving step 100: a.bin: No space left on device; free some and continue with --resume"),
        of(system("Too many open files"), "a.bin: Too many open files; raise the limit"),
        of(new FileSystemException("a.bin"), "a.bin: FileSystemException"),
        of(
            new ExceptionInInitializerError(new OutOfMemoryError("Metaspace")),
            "out of memory (Metaspace"));
  }

  @ParameterizedTest
  @MethodSource("machine")
  void whatTheMachineDeniesMayBeTriedAgain(Throwable thrown, String message) {
    expect(ExitCode.TRY_AGAIN, message, thrown);
  }

  static Stream<Arguments> job() {
    return Stream.of(
        of(system("Read-only file system"), "a.bin: Read-only file system"),
        of(
            StorageException.of(Path.of("a.bin"), new AccessDeniedException("b.bin")),
            "b.bin: permission denied"),
        of(
            StorageException.of(Path.of("a.bin"), new IOException("Read-only file system")),
            "a.bin: Read-only file system"),
        of(new NoSuchFileException("a.txt"), "a.txt: no such file or folder"),
        of(new AccessDeniedException("a.txt"), "a.txt: access is denied"),
        of(new FileAlreadyExistsException("a.txt"), "a.txt: exists already"),
        of(new FileNotFoundException("a.txt (Permission denied)"), "a.txt (Permission denied)"),
        of(
            new InvalidPathException("b\u00fccher", "Malformed input"),
            "'b\u00fccher' cannot be the name of a file here: Malformed input"),
        of(notUtf8(), "text that is not UTF-8"),
        of(new UncheckedIOException(notUtf8()), "text that is not UTF-8"),
        of(new DataException("a.txt: bad"), "a.txt: bad"),
        of(new InvalidPlanException("too large"), "too large"),
        of(new Invalid("train.steps", "3 must be 2"), "train.steps: 3 must be 2"),
        of(new ExecutionException(new DataException("a.txt: bad")), "a.txt: bad"),
        of(
            new IllegalStateException("reading failed", new DataException("a.txt: bad")),
            "reading failed: a.txt: bad"));
  }

  @ParameterizedTest
  @MethodSource("job")
  void whatAPersonCanChangeIsTheJobs(Throwable thrown, String message) {
    expect(ExitCode.BAD_JOB, message, thrown);
  }

  static Stream<Throwable> interrupts() {
    return Stream.of(new InterruptedException(), new ClosedByInterruptException());
  }

  @ParameterizedTest
  @MethodSource("interrupts")
  void anInterruptIsOne(Throwable thrown) {
    expect(ExitCode.INTERRUPTED, "interrupted", thrown);
  }

  private static void expect(ExitCode exit, String message, Throwable thrown) {
    Failure failure = Failure.of(thrown);
    assertEquals(exit, failure.exit(), failure.message());
    assertTrue(failure.message().contains(message), failure.message());
    assertFalse(failure.isBug(), failure.message());
  }

  private static FileSystemException system(String reason) {
    return new FileSystemException("a.bin", null, reason);
  }

  private static CharacterCodingException notUtf8() {
    return assertThrows(
        CharacterCodingException.class,
        () -> StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(new byte[] {-1})));
  }

  static Stream<Throwable> bugs() {
    Exception cause = new RuntimeException("b");
    Exception circle = new IllegalStateException("a", cause);
    cause.initCause(circle);
    return Stream.of(
        new NullPointerException(),
        new IllegalStateException("tape"),
        new AssertionError("1 != 2"),
        new StackOverflowError(),
        new ArithmeticException("overflow"),
        new ExceptionInInitializerError(new NullPointerException()),
        circle);
  }

  @ParameterizedTest
  @MethodSource("bugs")
  void onlyWhatNobodyExpectsIsABug(Throwable thrown) {
    Failure failure = Failure.of(thrown);
    assertEquals(ExitCode.INTERNAL, failure.exit());
    assertTrue(failure.isBug());
    assertTrue(failure.message().startsWith("a bug in Gyre"), failure.message());
    assertTrue(failure.message().contains(thrown.getClass().getSimpleName()), failure.message());
  }

  @Test
  void aNumberOutsideItsRangeNamesIt() {
    Invalid e =
        assertThrows(Invalid.class, () -> NumberRange.whole(1, 2).require("train.steps", 3));
    expect(ExitCode.BAD_JOB, "train.steps: 3 must be from 1 to 2", e);
  }

  @Test
  void whatTheFileSystemAnswersHasTheFilesName(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    Path below = file.resolve("below");
    IOException e = assertThrows(IOException.class, () -> Files.writeString(below, ""));
    expect(ExitCode.BAD_JOB, below + ": Not a directory", e);
  }
}
