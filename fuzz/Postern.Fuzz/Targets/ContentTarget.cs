using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using Postern.Mta.Intake;
using Postern.Mta.Queue;
using Postern.Mta.Store;
using Postern.Smtp.Client;
using Postern.Smtp.Server;

namespace Postern.Fuzz.Targets;

/// <summary>The octets after 354: where the content ends, what it is, and what becomes of it in
/// Intake.</summary>
/// <remarks>
/// The end is CR LF dot CR LF alone; no way of cutting the octets into pieces changes anything. What Intake
/// took is canonical, and sent on by the client it arrives as it was.
/// </remarks>
sealed class ContentTarget : FuzzTarget
{
    static readonly SmtpServerOptions Options = new() { Hostname = "mx.local.example" };
    static readonly QueueId AnyId = new(1);
    readonly MemoryBudget budget = new(MemoryBudget.ReceivingOctets);

    public override string Name => "content";

    public override int OctetsMax => 20 * 1024;

    public override IReadOnlyList<string> Words { get; } =
    [
        "\\r\\n.\\r\\n", "\\r\\n..", "\\r\\n.\\r", "\\n.\\n", "\\r.\\r", "\\r\\n", "\\r", "\\n", ".",
        "\\r\\n\\r\\n", "\\n.\\r\\n", "\\r\\n.\\n", "Subject: x\\r\\n", "From: a@b.example\\r\\n",
        "Return-Path: <>\\r\\n", "Received: x\\r\\n\\x09y\\r\\n", "Message-ID: <a@b>\\r\\n",
        "Delivered-To: a@b\\r\\n", "\\r\\n\\x20", "\\x00", "\\xec\\x95\\x84", "MAIL FROM:<a@b.example>\\r\\n",
    ];

    public override int Run(byte[] input)
    {
        var chance = ChanceOf(input);
        var expected = DotReference.Read(input, out var end);
        // The reader of a sequence cannot be asked twice when there is nothing in it.
        if (input.Length == 0)
            return 0;
        Compare(ReadInOne([input]), expected, input.AsSpan(end));
        if (input.Length <= 64)
        {
            for (var cut = 1; cut < input.Length; cut++)
                Compare(ReadByPieces([input.AsMemory(0, cut), input.AsMemory(cut)]),
                    expected, input.AsSpan(end));
        }
        for (var left = 3; left > 0; left--)
        {
            var pieces = Pieces.Of(input, chance);
            Compare(ReadByPieces(pieces), expected, input.AsSpan(end));
            Compare(ReadInOne(pieces), expected, input.AsSpan(end));
        }
        return Shape(expected is null ? 0 : 1, Magnitude(end), RunIntake(expected ?? input, chance));
    }

    static void Compare((byte[]? Content, byte[] After) read, byte[]? expected, ReadOnlySpan<byte> rest)
    {
        Finding.Unless(
            (read.Content is null) == (expected is null), "content ends at CRLF.CRLF and nowhere else");
        if (expected is null)
            return;
        Finding.Unless(
            read.Content!.AsSpan().SequenceEqual(expected), "content is what was sent, dots unstuffed");
        Finding.Unless(
            read.After.AsSpan().SequenceEqual(rest), "what follows the end is left for the next command");
    }

    /// <summary>All octets are there when the server begins to read.</summary>
    static (byte[]? Content, byte[] After) ReadInOne(IReadOnlyList<ReadOnlyMemory<byte>> pieces)
    {
        var reader = PipeReader.Create(Pieces.ToSequence(pieces));
        return Read(reader, () => { });
    }

    /// <summary>The server reads each piece before the next one comes.</summary>
    static (byte[]? Content, byte[] After) ReadByPieces(IReadOnlyList<ReadOnlyMemory<byte>> pieces)
    {
        var pipe = Pieces.NewPipe();
        return Read(pipe.Reader, () =>
        {
            foreach (var piece in pieces)
                Pieces.Write(pipe.Writer, piece);
            pipe.Writer.Complete();
        });
    }

    static (byte[]? Content, byte[] After) Read(PipeReader reader, Action send)
    {
        var sink = new KeptContent();
        var intake = new ContentIntake(sink, long.MaxValue, Replies.SizeExceeded(long.MaxValue));
        var output = PipeWriter.Create(Stream.Null);
        using var connection = new SmtpConnection(
            reader, output, Options, StillClock.Instance, CancellationToken.None);
        var reading = connection.ReadDataAsync(intake).AsTask();
        send();
        Finding.Unless(reading.IsCompleted, "reading ends with the input");
        var wire = reading.GetAwaiter().GetResult();
        Finding.Unless(wire is Wire.Ok or Wire.Closed, "content ends or the peer is gone", wire.ToString());
        var rest = reader.TryRead(out var left) ? left.Buffer.ToArray() : [];
        reader.Complete();
        return (wire == Wire.Ok ? sink.Octets.ToArray() : null, rest);
    }

    /// <summary>Intake over the content, whole and in pieces, and the client over what Intake kept.</summary>
    int RunIntake(byte[] content, Random chance)
    {
        var whole = TakeIn([content]);
        var pieces = Pieces.Of(content, chance);
        var parts = TakeIn(pieces);
        var sequence = TakeIn([.. pieces], asSequence: true);
        Finding.Unless(
            parts.Facts == whole.Facts && sequence.Facts == whole.Facts,
            "what Intake finds does not depend on pieces",
            $"{whole.Facts}\n{parts.Facts}\n{sequence.Facts}");
        var expected = Canonical(content);
        Finding.Unless(
            (whole.Octets is null) == (expected is null), "Intake refuses a bare CR and nothing else");
        if (expected is null)
            return 0;
        Finding.Unless(
            whole.Octets.AsSpan().SequenceEqual(expected), "a bare LF becomes CRLF, nothing else changes");
        Finding.Unless(
            parts.Octets.AsSpan().SequenceEqual(expected) && sequence.Octets.AsSpan().SequenceEqual(expected),
            "what Intake keeps does not depend on pieces");
        SendOn(expected, chance);
        return whole.Shape;
    }

    IntakeResult TakeIn(IReadOnlyList<ReadOnlyMemory<byte>> pieces, bool asSequence = false)
    {
        // Inputs are far smaller than what goes to a file, so no store is asked.
        var sink = new IntakeSink(null!, AnyId, budget);
        ReadOnlySequence<byte>[] writes = asSequence
            ? [Pieces.ToSequence(pieces)]
            : [.. pieces.Select(piece => new ReadOnlySequence<byte>(piece))];
        foreach (var write in writes)
        {
            if (sink.Refusal is null)
                Wait(sink.WriteAsync(write, CancellationToken.None));
        }
        var result = Conclude(sink);
        Wait(sink.DisposeAsync());
        return result;
    }

    static IntakeResult Conclude(IntakeSink sink)
    {
        if ((sink.Refusal ?? sink.Complete()) is { } refusal)
            return new IntakeResult(null, refusal.ToString(), 0);
        var header = sink.Header!;
        var facts = string.Create(
            CultureInfo.InvariantCulture,
            $"{sink.Traits} {header.IsComplete} {header.StartsWithField} {header.HasDate} ")
            + string.Create(CultureInfo.InvariantCulture, $"{header.ReceivedCount} ")
            + $"{header.MessageId} {string.Join(' ', header.Authors)} {string.Join(' ', header.DeliveredTo)} "
            + $"{header.ReturnPath}";
        var shape = Shape(
            (int)sink.Traits, header.IsComplete ? 1 : 0, header.StartsWithField ? 1 : 0,
            header.HasDate ? 1 : 0,
            Magnitude(header.ReceivedCount), header.Authors.Count, header.DeliveredTo.Count,
            header.ReturnPath is null ? 0 : 1);
        var handing = sink.HandOverAsync(CancellationToken.None).AsTask();
        Finding.Unless(handing.IsCompleted, "content in memory is handed over at once");
        var content = handing.GetAwaiter().GetResult().Content!;
        content.TryGetMemory(out var octets);
        var kept = octets.ToArray();
        content.Dispose();
        Finding.Unless(kept.Length == sink.Octets, "Intake counts what it keeps");
        return new IntakeResult(kept, facts, shape);
    }

    /// <summary>DESIGN §9.3 read aloud: null for a bare CR.</summary>
    static byte[]? Canonical(byte[] content)
    {
        var canonical = new List<byte>(content.Length);
        for (var at = 0; at < content.Length; at++)
        {
            if (content[at] == (byte)'\r' && (at + 1 == content.Length || content[at + 1] != (byte)'\n'))
                return null;
            if (content[at] == (byte)'\n' && (at == 0 || content[at - 1] != (byte)'\r'))
                canonical.Add((byte)'\r');
            canonical.Add(content[at]);
        }
        return [.. canonical];
    }

    /// <summary>Stuffed by the client and read by the server: the same, with a final CRLF where it was
    /// missing.</summary>
    static void SendOn(byte[] content, Random chance)
    {
        var stuffer = new DotStuffer();
        var sent = new List<byte>();
        foreach (var piece in Pieces.Of(content, chance))
        {
            for (var rest = piece; !rest.IsEmpty;)
            {
                var run = stuffer.NextRun(rest.Span, out var dotFollows);
                sent.AddRange(rest.Span[..run]);
                if (dotFollows)
                    sent.Add((byte)'.');
                rest = rest[run..];
            }
        }
        sent.AddRange(stuffer.Terminator);
        var isWhole = content.Length == 0 || content[^1] == (byte)'\n';
        Compare(ReadInOne([sent.ToArray()]), isWhole ? content : [.. content, .. "\r\n"u8], []);
    }

    static void Wait(ValueTask task)
    {
        Finding.Unless(task.IsCompleted, "nothing in memory waits");
        task.GetAwaiter().GetResult();
    }

    /// <summary>What Intake made of content; no octets when it refused.</summary>
    sealed record IntakeResult(byte[]? Octets, string Facts, int Shape);
}
