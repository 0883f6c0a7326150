package dev.gyre.deploy.command.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.Cli;
import dev.gyre.deploy.TinyRun;
import dev.gyre.deploy.files.RunLockHolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code --resume} finds and refuses, always before data is read or a worker starts. */
final class ResumeTest {
  @TempDir Path folder;
  private Path runs = Path.of("");
  private Path job = Path.of("");

  @BeforeEach
  void writeJob() throws IOException {
    runs = folder.resolve("runs");
    job = TinyRun.jobFile(folder, "exp");
  }

  private Cli resume(Object... more) {
    List<Object> args = new ArrayList<>(List.of("train", job, "--resume", "--runs", runs));
    args.addAll(Arrays.asList(more));
    Cli ran = Cli.run(args.toArray());
    assertFalse(ran.out().contains("kernel "), ran::toString);
    return ran;
  }

  private static void assertFinished(Cli ran, Path checkpoint) {
    assertEquals(0, ran.exit(), ran::toString);
    assertTrue(ran.out().contains("resuming from " + checkpoint), ran::toString);
    assertTrue(ran.out().contains("nothing is left to do"), ran::toString);
  }

  private static void assertRefused(Cli ran, ExitCode exit, String problem) {
    assertEquals(exit.code(), ran.exit(), ran::toString);
    assertTrue(ran.err().contains(problem), ran::toString);
  }

  @Test
  void aFinishedRunSaysSoAndHowToTrainOn() throws IOException {
    TinyRun run = TinyRun.in(runs, job, 10);
    Cli ran = resume();
    assertFinished(ran, run.step(10));
    assertTrue(ran.out().contains("has trained 10 steps, train.steps is 10"), ran::toString);
    assertTrue(
        ran.out().contains("--resume --run " + run.folder() + " --set train.steps=20"),
        ran::toString);
    assertTrue(
        ran.out().contains("rate at step 11: 6.0e-4, was 0.0 (cosine over 20 steps instead of 10)"),
        ran::toString);
  }

  /** The folder exp-2 is the first run of a job named exp-2. */
  @Test
  void anotherJobsRunIsNotTaken() throws IOException {
    TinyRun run = TinyRun.in(runs, job, 10);
    TinyRun.in(runs, TinyRun.jobFile(folder, "exp-2"), 10, 40);
    assertFinished(resume(), run.step(10));
    TinyRun second = TinyRun.in(runs, job, 12);
    assertEquals("exp-3", second.folder().name());
    assertFinished(resume(), second.step(12));
  }

  @Test
  void withoutARunOfTheJobNothingIsResumed() throws IOException {
    assertRefused(resume(), ExitCode.BAD_JOB, "no run of job exp in " + runs);
    TinyRun run = TinyRun.in(runs, job, 10);
    Path renamed = Files.move(run.folder().path(), runs.resolve("old"));
    assertRefused(
        resume(), ExitCode.BAD_JOB, "Its run may have another name, old: name it with --run");
    assertFinished(resume("--run", "old"), renamed.resolve("checkpoints").resolve("step-10"));
    assertFinished(resume("--run", renamed), renamed.resolve("checkpoints").resolve("step-10"));
    assertRefused(resume("--run", "none"), ExitCode.BAD_JOB, "no run or checkpoint 'none'");
  }

  @Test
  void aRunOfAnotherJobIsTakenIfItIsNamed() throws IOException {
    TinyRun other = TinyRun.in(runs, TinyRun.jobFile(folder, "other"), 10);
    Cli ran = resume("--run", "other");
    assertFinished(ran, other.step(10));
    assertTrue(ran.out().contains("is of job other"), ran::toString);
  }

  /** The job's data does not exist, and is not read. */
  @Test
  void otherArithmeticIsRefusedBeforeDataIsRead() throws IOException {
    TinyRun.in(runs, job, 5);
    assertRefused(
        resume("--set", "train.optimizer.lr=3e-3"),
        ExitCode.BAD_JOB,
        "train.optimizer.lr: 0.0012 -> 0.003");
    assertRefused(resume(), ExitCode.BAD_JOB, "nowhere");
  }

  @Test
  void damageIsNotMistakenForAFailureOfStorage() throws IOException {
    TinyRun run = TinyRun.in(runs, job, 5, 10);
    run.damage(5);
    run.damage(10);
    assertRefused(resume(), ExitCode.CORRUPT_CHECKPOINT, "every checkpoint of");
    run.makeUnreadable(10);
    Cli ran = resume();
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(ran.out().contains("step-10 is skipped, it cannot be read"), ran::toString);
  }

  /** A crash happened between the two renames that replace a checkpoint. */
  @Test
  void aReplacementThatWasInterruptedIsRecoveredFirst() throws IOException {
    TinyRun run = TinyRun.in(runs, job, 10);
    Files.move(run.step(10), run.step(10).resolveSibling(".replaced-step-10"));
    assertFinished(resume(), run.step(10));
    assertTrue(Files.isDirectory(run.step(10)));
  }

  @Test
  void aRunThatIsRunningIsNotTouched() throws Exception {
    TinyRun run = TinyRun.in(runs, job, 10);
    Path unfinished = Files.createDirectory(run.step(10).resolveSibling(".tmp-step-20"));
    try (RunLockHolder running = RunLockHolder.start(run.folder())) {
      assertTrue(running.isTaken(), running.said());
      assertRefused(resume(), ExitCode.TRY_AGAIN, "is running in another process");
    }
    assertTrue(Files.exists(unfinished));
  }
}
