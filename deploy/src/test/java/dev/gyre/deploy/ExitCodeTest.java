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

/** Any error in a command line or a job ends with 64 and a message that says what to do. */
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
        "data inspect --step -1 | --step -1 must be from 0 to",
        "data inspect --rows 0 | --rows 0 must be at least 1",
        "data inspect --chars -2 | --chars -2 must be at least -1",
        "checkpoint list nothing | no run or checkpoint 'nothing'",
        "checkpoint verify nothing | no run or checkpoint 'nothing'",
        "checkpoint export nothing | --hf",
        "checkpoint export nothing --hf out --dtype f64 | must be bf16 or f32",
        "generate nothing text | no run or checkpoint 'nothing'",
        "generate nothing text --tokens -1 | --tokens -1 must be from 1 to 1,000,000",
        "generate nothing text --tokens 0 | --tokens 0 must be from 1 to 1,000,000",
        "generate nothing text --tokens 1e3 | is not an int",
        "generate nothing text --tokens 3000000000 | is not an int",
        "generate nothing text --temperature -1 | --temperature -1.0 must be at least 0",
        "generate nothing text --temperature NaN | --temperature NaN must be at least 0",
        "generate nothing text --temperature Infinity | must be at least 0, and within the range",
        "generate nothing text --temperature 1e400 | must be at least 0, and within the range",
        "generate nothing text --seed 9223372036854775808 | is not a long",
        "golden nothing | is not a golden folder",
        "golden nothing --transport grpc | must be loopback, ipc or udp",
        "golden nothing --ring 0 | --ring 0 must be from 1 to 16,384",
        "golden nothing --ulysses -1 | --ulysses -1 must be from 1 to 16,384",
        "plan --no-measure --ring -1 | --ring -1: mesh.ring: -1 must be from 0 to 16,384",
        "plan --no-measure --workers -1 | --workers -1: mesh.workers: -1 must be from 0",
        "plan --no-measure --workers 3000000000 | is not an int",
        "train --set train.optimizer.beta1=1.5 | 1.5 must be from 0 to below 1",
        "bench attention --ranks 0 | --ranks 0 must be from 1 to 256",
        "bench attention --tokens 0 | --tokens 0 must be from 1 to",
        "bench attention --heads 0 | --heads 0 must be from 1 to",
        "bench attention --kv 3 | --kv 3 must divide --heads 8",
        "bench attention --head-dim 7 | --head-dim 7 must be even",
        "bench attention --repeats -1 | --repeats -1 must be from 1 to",
        "bench balance --ring 65 | --ring 65 must be from 1 to 64",
        "bench balance --median NaN | --median NaN must be from 1 to",
        "bench balance --sigma -1 | --sigma -1.0 must be from 0 to 100",
        "bench balance --sigma 1e400 | --sigma Infinity must be from 0 to 100",
        "bench balance --window -1 | --window -1 must be from 0 to",
        "bench balance --sinks 4 | --sinks 4 needs a --window",
        "bench balance --heads 7 | --heads 7 must be even",
        "bench balance --head-dim 258 | --head-dim 258 must be from 2 to 256",
        "bench collectives --workers 257 | --workers 257 must be from 1 to 256",
        "bench collectives --repeats 0 | --repeats 0 must be from 1 to",
        "bench collectives --sizes -4k | is not a size such as",
        "bench collectives --sizes 999999999999m | must be from 4 to",
        "bench collectives --transport tcp | 'tcp' must be one of ipc, udp",
        "bench kernels --forks 0 | --forks 0 must be from 1 to 100",
        "bench train --text t.txt --steps 0 | --steps 0 must be at least 1",
        "bench train --text t.txt --heads 0 | --heads 0 must be from 1 to",
        "bench train --text t.txt --hidden -512 | --hidden -512 must be from 1 to",
        "bench train --text t.txt --layers 0 | --layers 0 must be from 1 to",
        "bench train --text t.txt --kv 3 | --kv 3 must divide num_attention_heads 8",
        "bench train --text t.txt --topk 0 | --topk 0 must be from 1 to num_local_experts 8",
        "bench train --text t.txt --topk 9 | --topk 9 must be from 1 to num_local_experts 8",
        "bench train --text t.txt --seq 0 | --seq 0 must be from 1 to",
        "bench train --text t.txt --lr NaN | --lr NaN must be at least 0",
        "bench train --text t.txt --lr -1 | --lr -1.0 must be at least 0",
        "bench train --text t.txt --window -1 | --window -1 must be from 0 to",
        "bench train --text t.txt --mlp-tile -2 | --mlp-tile -2 must be from -1 to",
        "bench train --text t.txt --recompute some | --recompute 'some' must be one of auto, none",
        "bench train --text t.txt --ring 0 | --ring 0 must be from 1 to 16,384",
        "bench train --text t.txt --schedule star | --schedule 'star' must be one of",
        "bench train --text t.txt --transport tcp | --transport 'tcp' must be one of auto, ipc, udp",
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
