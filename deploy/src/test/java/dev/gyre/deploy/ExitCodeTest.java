package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever is wrong with a command line or a job: 64, and a message that says what to do. */
final class ExitCodeTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "trian | or train?",
        "train --stepz 3 | gyre train --help",
        "train no/such.yaml | recipes/ has some",
        "train --run quickstart-2 | add --resume",
        "train --plan no/plan.json --set mesh.ring=2 | no such file",
        "plan --set mesh.ulyses=2 | did you mean mesh.ulysses",
        "plan --no-measure --expert-parallel 16 | Use expert-parallel 2",
        "plan --no-measure --ulysses 16 | Use ulysses",
        "plan --no-measure --backend cuda | 'cuda' must be one of",
        "plan --no-measure --set dataset.train=[{path: nothing.txt}] | no such file or folder",
        "data inspect --step -1 | steps count from 0",
        "data inspect --rows 0 | at least 1",
        "checkpoint list nothing | no run or checkpoint 'nothing'",
        "checkpoint verify nothing | no run or checkpoint 'nothing'",
        "checkpoint export nothing | --hf",
        "checkpoint export nothing --hf out --dtype f64 | must be bf16 or f32",
        "generate nothing text | no run or checkpoint 'nothing'",
        "generate nothing text --tokens -1 | --tokens: -1 must be from 1 to 1,000,000",
        "generate nothing text --tokens 0 | --tokens: 0 must be from 1 to 1,000,000",
        "generate nothing text --tokens 1e3 | is not an int",
        "generate nothing text --tokens 3000000000 | is not an int",
        "generate nothing text --temperature -1 | --temperature: -1.0 must be at least 0",
        "generate nothing text --temperature NaN | --temperature: NaN must be at least 0",
        "generate nothing text --temperature Infinity | must be at least 0, and within the range",
        "generate nothing text --temperature 1e400 | must be at least 0, and within the range",
        "generate nothing text --seed 9223372036854775808 | is not a long",
        "golden nothing | is not a golden folder",
        "golden nothing --transport grpc | must be loopback, ipc or udp",
        "bench train | --text",
        "bench train --text nothing.txt | no such file",
      })
  void badInput(String command, String wayOut) {
    Cli ran = Cli.run((Object[]) command.split(" (?![^\\[]*])", -1));
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(ran.err().contains(wayOut), ran::toString);
    assertTrue(ran.err().startsWith("gyre: "), ran::toString);
    assertTrue(!ran.err().contains("\tat "), ran::toString);
  }

  @Test
  void anEmptyPromptIsRefused() {
    Cli ran = Cli.run("generate", "nothing", "");
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertEquals("gyre: PROMPT: is empty; give at least one character of text\n", ran.err());
  }

  @Test
  void anErrorIsMappedAsAnExceptionIs() {
    StringWriter said = new StringWriter();
    PrintWriter err = new PrintWriter(said);
    assertEquals(ExitCode.TRY_AGAIN, Main.failed(new OutOfMemoryError("Java heap space"), err));
    assertTrue(said.toString().startsWith("gyre: out of memory (Java heap space"), said::toString);
    assertFalse(said.toString().contains("\tat "), said::toString);
    assertEquals(ExitCode.INTERNAL, Main.failed(new IllegalStateException("tape"), err));
    assertTrue(said.toString().contains("gyre: a bug in Gyre, not in your job: "), said::toString);
    assertTrue(said.toString().contains("\tat "), said::toString);
  }

  @Test
  void aPlanFileThatIsNone() throws IOException {
    Path text = Files.writeString(folder.resolve("text.txt"), "some text to train on");
    Path plan = Files.writeString(folder.resolve("plan.json"), "{\"mesh\": 3}");
    Cli ran =
        Cli.run(
            "train",
            "--runs",
            folder.resolve("runs"),
            "--set",
            "dataset.train=[{path: " + text + "}]",
            "--set",
            "dataset.holdout=0",
            "--set",
            "train.sequence-length=8",
            "--plan",
            plan);
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(ran.err().contains("./gyre plan --json"), ran::toString);
  }

  @Test
  void aVocabularySmallerThanTheTokenizers() throws IOException {
    Path text = Files.writeString(folder.resolve("text.txt"), "some text to train on");
    Cli ran =
        Cli.run(
            "data",
            "prepare",
            "--set",
            "dataset.train=[{path: " + text + "}]",
            "--set",
            "model.vocab_size=100");
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(ran.err().contains("set model.vocab_size=256"), ran::toString);
  }
}
