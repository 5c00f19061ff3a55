using System.Text;

namespace Postern.Smtp.Client;

/// <summary>One thing said to a relay, and what came back.</summary>
/// <remarks>What neither side said stands in parentheses: no command and no reply begins with one. A peer's
/// lines are as they came: escape them wherever they are shown.</remarks>
/// <param name="Said">Null: nothing was; the relay spoke first, or something happened.</param>
/// <param name="Answer">Lines, LF between them. Null: none came, or none belongs here.</param>
/// <param name="At">Timestamp of the connection's clock, when the answer was there. Null: not
/// known.</param>
public readonly record struct ClientTurn(string? Said, string? Answer, long? At)
{
    /// <summary>Characters of one reply; more say nothing new. Ours.</summary>
    internal const int AnswerCharactersMax = 4096;

    /// <summary>A reply as it came over the wire, code and status on each line.</summary>
    internal static string TextOf(Reply reply)
    {
        var text = new StringBuilder();
        for (var i = 0; i < reply.Lines.Count; i++)
        {
            if (text.Length > AnswerCharactersMax)
                return text.Append("\n...").ToString();
            text.Append(i == 0 ? "" : "\n").Append(reply.Code).Append(i == reply.Lines.Count - 1 ? ' ' : '-');
            if (reply.Status is { } status)
                text.Append(status.ToString()).Append(' ');
            text.Append(reply.Lines[i]);
        }
        return text.ToString();
    }
}

/// <summary>What was said while a session was set up. Who opens a connection may keep it and read it
/// later.</summary>
/// <remarks>Of a login it holds the mechanism and nothing behind it.</remarks>
public sealed class SetUpTalk
{
    readonly List<(string? Said, Reply? Reply, string? Note, long At)> turns = [];
    string? asked;
    bool isWaiting;

    /// <summary>In their order.</summary>
    /// <param name="login">What a relay repeats of it is not shown. Null: there is none.</param>
    public IEnumerable<ClientTurn> Turns(ClientLogin? login)
    {
        foreach (var (said, reply, note, at) in turns)
        {
            var answer = reply is null ? note : ClientTurn.TextOf(reply);
            // A challenge is part of the proof: with SCRAM a password could be guessed by it.
            if (reply is { Code: 334 })
                answer = "334 (not shown)";
            else if (answer is not null && login is not null && IsOfLogin(said))
                answer = Hide(answer, login);
            yield return new ClientTurn(said, answer, at);
        }
    }

    internal void Ask(string? said)
    {
        asked = said;
        isWaiting = true;
    }

    internal void Take(Reply reply, long at) => Add(asked, reply, null, at);

    internal void Secured(ClientTlsFacts tls, long at) =>
        Add($"({tls.ProtocolName} with cipher {tls.Cipher})", null, null, at);

    /// <summary>What stood in the place of an answer where no session came of it.</summary>
    internal void End(OpenResult result, long at)
    {
        var note = result switch
        {
            OpenResult.Lost lost => lost.Detail,
            OpenResult.TlsNotOffered => "TLS is required, and STARTTLS is not offered",
            OpenResult.TlsFailed failed => $"the TLS handshake failed: {failed.Reason}",
            OpenResult.CertificateRefused refused => $"the certificate is refused: {refused.Reason}",
            OpenResult.LoginNotOffered => "a login is configured, and AUTH is not offered",
            OpenResult.LoginNeedsTls => "a login is configured, and the session is not encrypted",
            OpenResult.NoCommonMechanism => "none of the mechanisms offered is one of ours",
            OpenResult.PeerNotProven unproven => unproven.Reason,
            _ => null,
        };
        if (note is not null)
            Add(isWaiting ? asked : null, null, $"({note})", at);
    }

    void Add(string? said, Reply? reply, string? note, long at)
    {
        turns.Add((said, reply, note, at));
        isWaiting = false;
    }

    static bool IsOfLogin(string? said) => said == SmtpClientSession.HiddenAnswer
        || said?.StartsWith("AUTH ", StringComparison.Ordinal) == true;

    static string Hide(string answer, ClientLogin login)
    {
        answer = login.Hide(answer);
        string[] names =
            [Convert.ToBase64String(Encoding.UTF8.GetBytes(login.UserName)), login.UserName];
        foreach (var name in names)
        {
            if (name.Length > 0)
                answer = answer.Replace(name, ClientLogin.Hidden, StringComparison.Ordinal);
        }
        return answer;
    }
}

/// <summary>What was said in one transaction; put into words when somebody asks.</summary>
public sealed class TransactionTalk
{
    readonly ClientTransaction transaction;

    internal TransactionTalk(ClientTransaction transaction) => this.transaction = transaction;

    /// <summary>As one recipient has had it: of the others there is a number alone.</summary>
    /// <param name="recipient">Its place in the envelope, from 0.</param>
    public IReadOnlyList<ClientTurn> TurnsFor(int recipient) => transaction.TurnsFor(recipient);
}
