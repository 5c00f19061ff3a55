using System.Net;
using System.Net.Sockets;
using System.Text;
using Postern.Mta.Inbound.Checks;
using Postern.Mta.Transports;

namespace Postern.Fuzz.Targets;

/// <summary>A header with signatures and the key that DNS gives for them: the checks end, the same way
/// whatever the pieces, and tell nothing that breaks out of its place.</summary>
/// <remarks>What stands before the first octet 255 of the input is the key record, the rest is the
/// mail.</remarks>
sealed class SignatureTarget : FuzzTarget
{
    const string Ours = "mx.example.org";

    public override string Name => "signature";

    public override int OctetsMax => 16 * 1024;

    public override IReadOnlyList<string> Words { get; } =
    [
        "v=DKIM1; p=", "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "t=s:y;", "\\xff",
        "v=DMARC1; p=reject;", "sp=none;", "psd=y;", "rua=mailto:a@b.example;",
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from; bh=", "a=ed25519-sha256;",
        "c=relaxed/relaxed;", "c=simple/relaxed;", "l=3;", "l=99999999999999999999;", "t=1;", "x=9999999999;",
        "i=@example.org;", "h=from : from:to;", "b=AAAA", "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=example.org; s=s; b=AAAA\\r\\n",
        "ARC-Message-Signature: i=1; a=rsa-sha256; d=example.org; s=s; h=from; b=AAAA; bh=",
        "ARC-Authentication-Results: i=1; mx.example.org; none\\r\\n", "i=2; cv=pass;",
        "Authentication-Results: mx.example.org; none\\r\\n", "(a (b\\\\) c))", "\"mx.example.org\"",
        "From: a@example.org\\r\\n", "From: a@b\\xc3\\xbc.example, c@d.example\\r\\n", "\\r\\n\\r\\n",
        "\\r\\n ",
        "\\xe2\\x80\\xae", "\\x00", ";;", "=",
    ];

    public override int Run(byte[] input)
    {
        var cut = input.AsSpan().IndexOf((byte)255);
        var record = Encoding.Latin1.GetString(input.AsSpan(0, Math.Max(0, cut)));
        var mail = input.AsMemory(cut + 1);
        using var whole = Read([mail]);
        using var pieces = Read(Pieces.Of(mail, ChanceOf(input)));
        CheckSame(whole, pieces);
        var resolver = new OneRecord(record);
        var clock = new StillClock();
        var dkim = Now(new DkimCheck(resolver, clock).CheckAsync(whole, default));
        var arc = Now(new ArcCheck(resolver, clock).CheckAsync(whole, default));
        var (dmarc, aligned) = Now(new DmarcCheck(resolver).CheckAsync(whole, null, dkim, default));
        Finding.Unless(dkim.Count <= SignedContent.SignaturesDefault, "signatures have a limit");
        Finding.Unless(arc.Sealers.Count <= ArcChain.SetsMax, "sets have a limit");
        Finding.Unless(aligned.Count == dkim.Count, "alignment loses no signature");
        foreach (var one in dkim)
            CheckText(one.Domain, one.Selector, one.Algorithm, one.SignatureStart, one.Identity, one.Why);
        CheckText(dmarc.Domain, dmarc.RecordDomain, dmarc.Why, arc.Why);
        CheckField(new MailChecks { Dkim = aligned, Dmarc = dmarc, Arc = arc });
        CheckForged(whole, mail.Length);
        return Shape(
            dkim.Count, (int)(dkim.Count > 0 ? dkim[0].Result : 0),
            dkim.Count > 0 ? dkim[0].Why?.Length ?? 0 : 0,
            (int)arc.Result, arc.Sealers.Count, arc.Why?.Length ?? 0, (int)dmarc.Result,
            (int?)dmarc.Policy ?? 9, Magnitude(whole.Header.Fields.Count));
    }

    static SignedContent Read(IReadOnlyList<ReadOnlyMemory<byte>> pieces)
    {
        var content = new SignedContent();
        foreach (var piece in pieces)
            content.Append(piece.Span);
        content.Complete();
        return content;
    }

    static void CheckSame(SignedContent whole, SignedContent pieces)
    {
        Finding.Unless(
            whole.Header.Fields.SequenceEqual(pieces.Header.Fields), "the header is the same in pieces");
        foreach (var signature in whole.Signatures.Concat(whole.Chain.Sets.Select(static set => set.Message)))
        {
            var one = whole.BodyHashOf(signature.BodyForm, signature.BodyOctets);
            var other = pieces.BodyHashOf(signature.BodyForm, signature.BodyOctets);
            Finding.Unless(
                one is null ? other is null : one.AsSpan().SequenceEqual(other),
                "the body is the same in pieces");
        }
    }

    static void CheckField(MailChecks checks)
    {
        var field = AuthenticationResults.Compose(Ours, checks);
        Finding.Unless(Ascii.IsValid(field), "the field is ASCII", field);
        var lines = field.Split("\r\n");
        Finding.Unless(
            lines[^1].Length == 0 && lines[1..^1].All(static line => line.StartsWith(' '))
                && !field.Replace("\r\n", "", StringComparison.Ordinal).Any(char.IsControl),
            "the field is one field", field);
        using var content = Read([Encoding.ASCII.GetBytes(field + "\r\n")]);
        Finding.Unless(
            AuthenticationResults.FindForged(content.Header, Ours).Count == 1, "our field is known as ours",
            field);
    }

    static void CheckForged(SignedContent content, int length)
    {
        var end = 0L;
        foreach (var range in AuthenticationResults.FindForged(content.Header, Ours))
        {
            Finding.Unless(range.Start >= end && range.Length > 0, "cuts are in order");
            end = range.Start + range.Length;
        }
        Finding.Unless(end <= length, "cuts are within the mail");
    }

    static void CheckText(params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
        {
            Finding.Unless(
                text is null || MailboxTarget.IsPrintable(text), "what is told holds no control character",
                text ?? "");
            Finding.Unless(text is null or { Length: <= 600 }, "what is told has a limit", text ?? "");
        }
    }

    static T Now<T>(ValueTask<T> task)
    {
        Finding.Unless(task.IsCompleted, "nothing waits where DNS answers at once");
        return task.AsTask().GetAwaiter().GetResult();
    }

    /// <summary>DNS with one text at every name.</summary>
    sealed class OneRecord(string text) : IResolver
    {
        public ValueTask<TextLookup> LookupTextAsync(string name, CancellationToken cancel) =>
            new(new TextLookup(LookupOutcome.Found, [text]));

        public ValueTask<MxLookup> LookupMxAsync(string domain, CancellationToken cancel) =>
            new(new MxLookup(LookupOutcome.NoSuchName, []));

        public ValueTask<AddressLookup> LookupAddressesAsync(string host, CancellationToken cancel) =>
            new(new AddressLookup(LookupOutcome.NoSuchName, []));

        public ValueTask<AddressLookup> LookupAddressesAsync(
            string host, AddressFamily family, CancellationToken cancel) =>
            new(new AddressLookup(LookupOutcome.NoSuchName, []));

        public ValueTask<NameLookup> LookupNamesAsync(IPAddress address, CancellationToken cancel) =>
            new(new NameLookup(LookupOutcome.NoSuchName, []));
    }
}
