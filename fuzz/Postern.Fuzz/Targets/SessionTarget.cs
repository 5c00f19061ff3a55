using Postern.Smtp.Server;

namespace Postern.Fuzz.Targets;

/// <summary>A whole session: what a peer sends from the greeting to the close.</summary>
/// <remarks>
/// Spoken three times: by a peer that waits for each reply and is followed by <see cref="Conversation"/>; by
/// one that sends on without waiting, which must hear the same; and to a listener of the other kind, where
/// only the form counts.
/// </remarks>
sealed class SessionTarget : FuzzTarget
{
    public override string Name => "session";

    public override int OctetsMax => 20 * 1024;

    public override IReadOnlyList<string> Words { get; } =
    [
        "EHLO c.example\\r\\n", "HELO c.example\\r\\n", "MAIL FROM:<a@b.example>\\r\\n",
        "RCPT TO:<known@local.example>\\r\\n", "RCPT TO:<xavier@local.example>\\r\\n",
        "RCPT TO:<close@local.example>\\r\\n", "RCPT TO:<full@local.example>\\r\\n", "DATA\\r\\n",
        "\\r\\n.\\r\\n", ".\\r\\n", "\\r\\n..\\r\\n", "BDAT 4\\r\\nabcd", "BDAT 4 LAST\\r\\nabcd",
        "BDAT 0 LAST\\r\\n", "BDAT 99999999999999999\\r\\n", "RSET\\r\\n", "NOOP\\r\\n", "QUIT\\r\\n",
        "VRFY x\\r\\n", "HELP\\r\\n", "STARTTLS\\r\\n", "AUTH PLAIN\\r\\n", "AUTH LOGIN\\r\\n",
        "AUTH PLAIN AHVzZXIAc2VjcmV0\\r\\n", "AUTH SCRAM-SHA-256\\r\\n", "biwsbj11c2VyLHI9YWJj\\r\\n",
        "dXNlcg==\\r\\n", "c2VjcmV0\\r\\n", "*\\r\\n", "=\\r\\n", "\\x16\\x03\\x01", "\\r\\n", "\\n",
        " SIZE=5", " SMTPUTF8", " BODY=8BITMIME", "\\xec\\x95\\x84", "refuse", "GET / HTTP/1.1\\r\\n",
    ];

    public override int Run(byte[] input)
    {
        var politely = new Conversation(input).ToEnd();
        var chance = ChanceOf(input);
        var rushed = Rush(ListenerKind.Submission, input, chance);
        Finding.Unless(
            rushed.Transcript == politely.Transcript, "a peer that does not wait hears the same",
            $"{politely.Transcript}\n-- without waiting:\n{rushed.Transcript}");
        Finding.Unless(
            rushed.House.Stored.Count == politely.House.Stored.Count
            && rushed.House.Stored.Zip(politely.House.Stored)
                .All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)),
            "a peer that does not wait leaves the same mail");
        Rush(ListenerKind.Mx, input, chance);
        return politely.Shape;
    }

    static (string Transcript, House House) Rush(ListenerKind kind, byte[] input, Random chance)
    {
        var session = new InlineSession(kind);
        var said = new PeerEar();
        said.Hear(session.TakeOutput());
        foreach (var piece in Pieces.Of(input, chance))
            session.Send(piece);
        session.Finish();
        said.Hear(session.TakeOutput());
        said.CheckWhole();
        return (said.Transcript, session.House);
    }
}
