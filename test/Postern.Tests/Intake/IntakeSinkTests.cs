using System.Buffers;
using System.Text;
using CsCheck;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Tests.Doubles;

namespace Postern.Tests.Intake;

public sealed class IntakeSinkTests
{
    static readonly CancellationToken None = CancellationToken.None;

    static IntakeSink Open(MemoryStore? store = null, long budget = 64 << 20) =>
        new(store ?? new MemoryStore(), new QueueId(7), new MemoryBudget(budget));

    static async ValueTask WriteAsync(IntakeSink sink, byte[] octets, params int[] pieces)
    {
        var at = 0;
        foreach (var piece in pieces.Append(octets.Length))
        {
            var length = Math.Min(piece, octets.Length - at);
            if (sink.Refusal is null)
                await sink.WriteAsync(new ReadOnlySequence<byte>(octets, at, length), None);
            at += length;
        }
    }

    /// <summary>What is stored of the content. Null: it is refused.</summary>
    static async ValueTask<string?> StoredAsync(string latin1, params int[] pieces)
    {
        await using var sink = Open();
        await WriteAsync(sink, Encoding.Latin1.GetBytes(latin1), pieces);
        if ((sink.Refusal ?? sink.Complete()) is { } refusal)
        {
            Assert.Equal("550 5.6.0", $"{refusal.Code} {refusal.Status}");
            return null;
        }
        var (content, file) = await sink.HandOverAsync(None);
        Assert.Null(file);
        Assert.True(content!.TryGetMemory(out var octets));
        Assert.Equal(sink.Octets, octets.Length);
        using (content)
            return Encoding.Latin1.GetString(octets.ToArray());
    }

    /// <summary>The rule in one line each: a bare CR is refused, a bare LF becomes CRLF.</summary>
    static string? Canonical(string text)
    {
        var withoutPairs = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        return withoutPairs.Contains('\r', StringComparison.Ordinal)
            ? null : withoutPairs.Replace("\n", "\r\n", StringComparison.Ordinal);
    }

    [Fact]
    public Task Content_IsCanonical_HoweverItIsCut() =>
        Gen.Int[0, 5].Select(i => "a\n\r\0\u00e9:"[i]).Array[0, 12]
        .Select(Gen.Int[0, 4].Array[0, 12]).SampleAsync(async (text, pieces) =>
        {
            var content = new string(text);
            Assert.Equal(Canonical(content), await StoredAsync(content, pieces));
        });

    [Fact]
    public async Task Content_WithLineEndsOfBothKinds_IsCanonicalAtEverySplit()
    {
        const string content = "Subject: x\nTo: y\r\n\n\r\na\n\nb\r\n.\r\n\r\nend\n";
        for (var cut = 0; cut <= content.Length; cut++)
            Assert.Equal(Canonical(content), await StoredAsync(content, cut));
    }

    [Theory]
    [InlineData("a\rb")]
    [InlineData("a\r\r\nb")]
    [InlineData("a\r")]
    [InlineData("\r")]
    [InlineData("a\n\r.\r\n")]
    public async Task BareCarriageReturn_IsRefused(string content) => Assert.Null(await StoredAsync(content));

    [Fact]
    public async Task MissingFinalLineEnd_IsKept()
    {
        await using var sink = Open();
        await WriteAsync(sink, "Subject: x\r\n\r\nbody"u8.ToArray());
        Assert.Null(sink.Complete());
        Assert.Equal(ContentTraits.NoFinalLineEnd, sink.Traits);
        Assert.Equal(18, sink.Octets);
    }

    [Theory]
    [InlineData("Subject: x\r\n\r\nbody\n", ContentTraits.None)]
    [InlineData("", ContentTraits.None)]
    [InlineData("S: x\n\n\u00e9\n", ContentTraits.EightBit)]
    [InlineData("S: \u00e9\n\nx\n", ContentTraits.EightBit | ContentTraits.EightBitHeader)]
    [InlineData("S: x\n\n\0\n", ContentTraits.Nul)]
    public async Task Traits_SayWhatTheContentNeeds(string content, ContentTraits traits)
    {
        await using var sink = Open();
        await WriteAsync(sink, Encoding.Latin1.GetBytes(content));
        Assert.Null(sink.Complete());
        Assert.Equal(traits, sink.Traits);
    }

    [Theory]
    [InlineData(998, false)]
    [InlineData(999, true)]
    public async Task LineOver998Octets_IsNoted(int octets, bool isLong)
    {
        await using var sink = Open();
        await WriteAsync(sink, Encoding.ASCII.GetBytes($"S: x\n\n{new string('a', octets)}\n"), 100, 400);
        Assert.Null(sink.Complete());
        Assert.Equal(isLong, sink.Traits.HasFlag(ContentTraits.LongLine));
    }

    [Theory]
    [InlineData(256 << 10, false)]
    [InlineData((256 << 10) + 1, true)]
    public async Task ContentOver256KiB_GoesToAFile(int octets, bool isFile)
    {
        var header = "Subject: x\r\n\r\n";
        await using var sink = Open();
        await WriteAsync(
            sink, Encoding.ASCII.GetBytes(header + new string('a', octets - header.Length)), 5000, 70_000);
        Assert.Null(sink.Complete());
        var (content, file) = await sink.HandOverAsync(None);
        Assert.Equal(isFile, file is not null);
        Assert.Equal(isFile, content is null);
        Assert.NotNull(sink.Header);
        content?.Dispose();
    }

    [Fact]
    public async Task HeaderOver256KiB_IsRefused()
    {
        await using var sink = Open();
        await WriteAsync(
            sink, Encoding.ASCII.GetBytes($"Subject: {new string('a', 260 << 10)}\r\n\r\nbody\r\n"), 9000);
        Assert.Equal(552, sink.Refusal!.Code);
    }

    [Fact]
    public async Task BudgetUsedUp_GoesToAFile_AndTheHeaderIsReadWhole()
    {
        await using var sink = Open(budget: 16 << 10);
        var body = new string('a', 20_000);
        // The first pieces end inside the name of a field, where a hasty reader sees the end of the header.
        await WriteAsync(
            sink, Encoding.ASCII
                .GetBytes($"X: {new string('x', 16_000)}\r\nFrom: a@x\r\n\r\n{body}"), 16_008, 16_000);
        Assert.Null(sink.Complete());
        Assert.Equal(1, sink.Header!.FromCount);
        var (_, file) = await sink.HandOverAsync(None);
        Assert.NotNull(file);
    }

    [Fact]
    public async Task Memory_IsReturnedWhenTheContentIsForgotten()
    {
        var budget = new MemoryBudget(1 << 20);
        var sink = new IntakeSink(new MemoryStore(), new QueueId(7), budget);
        await WriteAsync(sink, new byte[100_000]);
        Assert.NotEqual(1 << 20, budget.FreeOctets);
        await sink.DisposeAsync();
        Assert.Equal(1 << 20, budget.FreeOctets);
    }

    [Fact]
    public async Task BareLineFeedsInBulk_AreMendedWhateverThePieces()
    {
        var lines = string.Concat(Enumerable.Range(0, 9000).Select(i => new string('x', i % 3) + "\n"));
        Assert.Equal(lines.ReplaceLineEndings("\r\n"), await StoredAsync(lines, 1, 4096, 20_000));
    }

    [Fact]
    public async Task BareCarriageReturn_AfterBareLineFeeds_IsRefused() =>
        Assert.Null(await StoredAsync("a\n\nb\rc\n\n", 3));

    [Fact]
    public async Task Memory_IsReturnedWhenTheFileTakesNothing()
    {
        var budget = new MemoryBudget(1 << 20);
        var sink = new IntakeSink(
            new MemoryStore { FilesAreFull = true }, new QueueId(7), budget);
        await WriteAsync(sink, Encoding.ASCII.GetBytes("X: y\r\n\r\n" + new string('x', 300_000)), 100_000);
        Assert.Equal(452, sink.Refusal?.Code);
        await sink.DisposeAsync();
        Assert.Equal(1 << 20, budget.FreeOctets);
    }
}
