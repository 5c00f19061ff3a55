using System.Globalization;
using Postern.Smtp.Client;

namespace Postern.Mta.Transports;

/// <summary>What an attempt over SMTP or LMTP went through, kept as it is; words are made of it when somebody
/// wants them.</summary>
sealed class SmtpTalk
{
    readonly List<Part> parts = [];

    /// <summary>How one recipient of the attempt had it.</summary>
    /// <param name="login">Of the transport. Null: none.</param>
    public Conversation Describe(int recipient, long startedAt, ClientLogin? login, TimeProvider clock) =>
        Conversation.Of(parts.SelectMany(part => part.TurnsFor(recipient, login)).Select(
            turn => new ConversationTurn(turn.Said, turn.Answer, turn.At is { } at
                ? Conversation.ToMs(clock.GetElapsedTime(startedAt, at))
                : null)));

    /// <summary>What happened without a peer's word.</summary>
    public void Note(string said, string? happened, long at) => parts.Add(new Part.Event(said, happened, at));

    /// <summary>A connection to an address, and what was said to set up a session.</summary>
    public SetUpTalk Connected(RelayTarget target)
    {
        var talk = new SetUpTalk();
        parts.Add(new Part.SetUp(target, talk));
        return talk;
    }

    /// <summary>A connection that is there already.</summary>
    public void Kept(RelayConnection connection) =>
        parts.Add(new Part.Kept(connection, connection.Session.TransactionsBegun));

    public void Sent(TransactionTalk talk) => parts.Add(new Part.Transaction(talk));

    abstract record Part
    {
        public abstract IEnumerable<ClientTurn> TurnsFor(int recipient, ClientLogin? login);

        public sealed record Event(string Said, string? Happened, long At) : Part
        {
            public override IEnumerable<ClientTurn> TurnsFor(int recipient, ClientLogin? login) =>
                [new ClientTurn($"({Said})", Happened is null ? null : $"({Happened})", At)];
        }

        public sealed record SetUp(RelayTarget Target, SetUpTalk Talk) : Part
        {
            public override IEnumerable<ClientTurn> TurnsFor(int recipient, ClientLogin? login) =>
                Talk.Turns(login).Prepend(new ClientTurn($"(connected to {Target})", null, null));
        }

        public sealed record Kept(RelayConnection Connection, int Messages) : Part
        {
            public override IEnumerable<ClientTurn> TurnsFor(int recipient, ClientLogin? login) =>
                [new ClientTurn(string.Create(CultureInfo.InvariantCulture,
                    $"(the connection to {Connection.Target} since {Connection.Since:yyyy-MM-dd HH:mm:ss}Z"
                    + $", {Messages} message{(Messages == 1 ? "" : "s")} before this one)"), null, null)];
        }

        public sealed record Transaction(TransactionTalk Talk) : Part
        {
            public override IEnumerable<ClientTurn> TurnsFor(int recipient, ClientLogin? login) =>
                Talk.TurnsFor(recipient);
        }
    }
}
