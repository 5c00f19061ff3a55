using System.Diagnostics;
using System.Text;
using Postern.Smtp.Sasl;

namespace Postern.Smtp.Client;

/// <summary>AUTH (RFC 4954): the strongest common mechanism, never in the clear unless allowed.</summary>
partial class SmtpClientSession
{
    /// <summary>
    /// RFC 5321 §4.5.3.1.4; a longer initial response goes on a line of its own (RFC 4954 §4).
    /// </summary>
    const int CommandLineOctetsMax = 512;

    /// <summary>In the place of an answer to a challenge, where it is told what was said.</summary>
    public const string HiddenAnswer = "(the answer to it, not shown)";

    /// <summary>Strongest first.</summary>
    static readonly string[] Ours = [ScramSha256.Name, "PLAIN", "LOGIN"];

    readonly HashSet<string> unusable = [];
    LoginExchange? exchange;
    string? authSaid;

    SetupStep LogIn()
    {
        if (options.Login is not { } login)
            return new SetupStep.Ready();
        // Not offered comes first: a relay that has no AUTH at all would not have it under TLS either.
        if (!Capabilities.Has(Extensions.Auth))
            return new SetupStep.End(new OpenResult.LoginNotOffered());
        if (tls is null && !options.AllowLoginInClear)
            return new SetupStep.End(new OpenResult.LoginNeedsTls());
        var mechanism = Ours.FirstOrDefault(
            m => Capabilities.Mechanisms.Contains(m) && !unusable.Contains(m));
        if (mechanism is null)
            return new SetupStep.End(
                new OpenResult.NoCommonMechanism(string.Join(' ', Capabilities.Mechanisms)));
        exchange = LoginExchange.Create(mechanism, login);
        WriteAuth(exchange);
        return Ask(SmtpStage.Auth);
    }

    void WriteAuth(LoginExchange begun)
    {
        authSaid = $"AUTH {begun.Mechanism}";
        commands.Begin("AUTH "u8).Add(begun.Mechanism);
        if (begun.FirstResponse is { } first
            && OctetsOfAuth(begun.Mechanism, first) <= CommandLineOctetsMax)
        {
            commands.Add(" "u8).AddBase64(first);
            begun.FirstResponseSent();
        }
        commands.End();
    }

    static int OctetsOfAuth(string mechanism, byte[] first) =>
        "AUTH  \r\n".Length + mechanism.Length + ((first.Length + 2) / 3 * 4);

    SetupStep TakeAuth(Reply reply)
    {
        var current = exchange ?? throw new UnreachableException();
        if (reply.Code == 334)
        {
            if (current.Respond(Encoding.UTF8.GetBytes(reply.Lines[0])) is not { } response)
                return new SetupStep.End(new OpenResult.PeerNotProven(
                    current.Mechanism, "its challenge breaks the rules of the mechanism"));
            authSaid = HiddenAnswer;
            commands.Begin(default).AddBase64(response).End();
            return Ask(SmtpStage.Auth);
        }
        if (reply.IsPositive)
            return current.IsPeerProven
                ? new SetupStep.Ready()
                : new SetupStep.End(new OpenResult.PeerNotProven(
                    current.Mechanism, "it did not prove that it knows the password"));
        // RFC 4954 §6: 504 is about the mechanism, not the login.
        if (reply.Code == 504)
        {
            unusable.Add(current.Mechanism);
            if (Ours.Any(m => Capabilities.Mechanisms.Contains(m) && !unusable.Contains(m)))
                return LogIn();
        }
        return reply.Code >= 400
            ? new SetupStep.End(new OpenResult.LoginRefused(current.Mechanism, WithoutLogin(reply)))
            : Refused(reply);
    }

    /// <summary>What a relay says of a login goes into logs, events and alarms.</summary>
    Reply WithoutLogin(Reply reply) => options.Login is not { } login ? reply
        : new Reply(reply.Code, reply.Status, [.. reply.Lines.Select(login.Hide)]);
}

/// <summary>The client's half of one SASL exchange.</summary>
abstract class LoginExchange
{
    public abstract string Mechanism { get; }

    /// <summary>What may go with the AUTH command itself. Null: the server speaks first.</summary>
    public abstract byte[]? FirstResponse { get; }

    /// <summary>The peer proved itself as far as the mechanism can.</summary>
    public virtual bool IsPeerProven => true;

    public static LoginExchange Create(string mechanism, ClientLogin login) => mechanism switch
    {
        ScramSha256.Name => new Scram(login),
        "PLAIN" => new Plain(login),
        "LOGIN" => new Login(login),
        _ => throw new UnreachableException(),
    };

    /// <summary>The first response went with the command.</summary>
    public abstract void FirstResponseSent();

    /// <summary>
    /// The answer to a challenge, both before and after base64. Null: the challenge makes no sense.
    /// </summary>
    public abstract byte[]? Respond(ReadOnlySpan<byte> challenge);

    /// <summary>RFC 4616. The challenge is empty by the RFC, and words at some relays.</summary>
    sealed class Plain(ClientLogin login) : LoginExchange
    {
        bool isSent;

        public override string Mechanism => "PLAIN";
        public override byte[] FirstResponse =>
            Encoding.UTF8.GetBytes($"\0{login.UserName}\0{login.Password}");
        public override void FirstResponseSent() => isSent = true;

        public override byte[]? Respond(ReadOnlySpan<byte> challenge)
        {
            var response = isSent ? null : FirstResponse;
            isSent = true;
            return response;
        }
    }

    /// <summary>draft-murchison-sasl-login-00: two prompts, whatever their words.</summary>
    sealed class Login(ClientLogin login) : LoginExchange
    {
        int answered;

        public override string Mechanism => "LOGIN";
        public override byte[]? FirstResponse => null;
        public override void FirstResponseSent() => throw new UnreachableException();

        public override byte[]? Respond(ReadOnlySpan<byte> challenge) => answered++ switch
        {
            0 => Encoding.UTF8.GetBytes(login.UserName),
            1 => Encoding.UTF8.GetBytes(login.Password),
            _ => null,
        };
    }

    /// <summary>RFC 5802, RFC 7677.</summary>
    sealed class Scram(ClientLogin login) : LoginExchange
    {
        readonly ScramClientExchange messages = new(
            login.UserName, login.Password, ScramSha256.CreateNonce());
        int answered;
        bool isProven;

        public override string Mechanism => ScramSha256.Name;
        public override byte[] FirstResponse => messages.ClientFirst;
        public override bool IsPeerProven => isProven;
        public override void FirstResponseSent() => answered = 1;

        public override byte[]? Respond(ReadOnlySpan<byte> challenge)
        {
            if (answered++ == 0)
                return messages.ClientFirst;
            if (!StrictBase64.TryDecode(challenge, out var message))
                return null;
            if (answered == 2)
                return messages.TryReadServerFirst(message, out var final) ? final : null;
            // RFC 4954 §4: the server's proof is a challenge with an empty answer.
            isProven = answered == 3 && messages.IsServerProved(message);
            return isProven ? [] : null;
        }
    }
}
