using System.Text;
using Postern.Smtp.Sasl;

namespace Postern.Smtp.Server;

/// <summary>AUTH (RFC 4954): PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login) and SCRAM-SHA-256 (RFC
/// 7677).</summary>
/// <remarks>
/// An unknown user and a wrong password look the same and take the same time: the policy gives a verifier
/// that nothing fits. Neither a password nor a response is ever part of a reply, a count or a log line.
/// </remarks>
sealed partial class SmtpSession
{
    public const string Mechanisms = "PLAIN LOGIN SCRAM-SHA-256";
    SaslStep sasl;
    string loginName = "";
    ScramServerExchange? scram;

    enum SaslStep
    {
        None,
        PlainMessage,
        LoginName,
        LoginPassword,
        ScramFirst,
        ScramFinal,
        ScramEnd,
    }

    /// <summary>Whether EHLO offers AUTH at this moment.</summary>
    public static bool MayAuthenticate(SmtpServerOptions options, SessionFacts facts) =>
        facts.UserName is null
        && (options.Auth == AuthOffer.Anywhere
            || (options.Auth == AuthOffer.UnderTls && facts.Tls is not null));

    ValueTask<Step> AuthAsync(ReadOnlySpan<byte> argument, CancellationToken cancel)
    {
        var space = argument.IndexOf((byte)' ');
        var mechanism = space < 0 ? argument : argument[..space];
        var initial = space < 0 ? default : argument[space..].Trim((byte)' ');
        var name = Replies.Clean(Text(mechanism), 32);
        if (MisplacedAuth() is { } misplaced)
            return Now(Answer(Verb.Auth, name, misplaced));
        if (mechanism.IsEmpty)
            return Now(Answer(Verb.Auth, "", Replies.AuthSyntax));
        sasl = Ascii.EqualsIgnoreCase(mechanism, "PLAIN"u8) ? SaslStep.PlainMessage
            : Ascii.EqualsIgnoreCase(mechanism, "LOGIN"u8) ? SaslStep.LoginName
            : Ascii.EqualsIgnoreCase(mechanism, "SCRAM-SHA-256"u8) ? SaslStep.ScramFirst
            : SaslStep.None;
        if (sasl == SaslStep.None)
            return Now(Answer(Verb.Auth, name, Replies.AuthenticationMechanism));
        if (initial.IsEmpty)
            return Now(
                new Step(sasl == SaslStep.LoginName ? Replies.ChallengeUserName : Replies.ChallengeEmpty));
        // RFC 4954 §4: a lone "=" is an initial response of no octets.
        return RespondAsync(initial.SequenceEqual("="u8) ? [] : initial, cancel);
    }

    Reply? MisplacedAuth()
    {
        if (options.Auth == AuthOffer.Never)
            return Replies.AuthNotOffered;
        if (facts.UserName is not null)
            return Replies.AlreadyAuthenticated;
        if (options.Auth == AuthOffer.UnderTls && facts.Tls is null)
            return Replies.AuthenticationNeedsTls;
        if (facts.Helo is null || !facts.IsExtended)
            return Replies.HelloFirst;
        // RFC 4954 §4: not during a mail transaction.
        return transaction is not null ? Replies.InsideTransaction : null;
    }

    /// <summary>The client's next SASL message, in base64.</summary>
    ValueTask<Step> RespondAsync(ReadOnlySpan<byte> line, CancellationToken cancel)
    {
        var step = sasl;
        if (line.SequenceEqual("*"u8))
            return Now(FailSasl(Replies.AuthenticationAborted));
        if (!StrictBase64.TryDecode(line, out var message))
            return Now(FailSasl(Replies.AuthenticationBadBase64));
        switch (step)
        {
            case SaslStep.PlainMessage:
                return PlainAsync(message, cancel);
            case SaslStep.LoginName when message.Length > 0:
                loginName = Encoding.UTF8.GetString(message);
                sasl = SaslStep.LoginPassword;
                return Now(new Step(Replies.ChallengePassword));
            case SaslStep.LoginPassword when message.Length > 0:
                return CheckPasswordAsync("LOGIN", "", loginName, Encoding.UTF8.GetString(message), cancel);
            case SaslStep.ScramFirst:
                return ScramFirstAsync(message, cancel);
            case SaslStep.ScramFinal:
                return Now(ScramFinal(message));
            case SaslStep.ScramEnd when message.Length == 0:
                return Now(EndLogin(ScramSha256.Name, loginName, LoginOutcome.Succeeded));
            default:
                return Now(FailSasl(Replies.AuthenticationBadBase64));
        }
    }

    ValueTask<Step> PlainAsync(byte[] message, CancellationToken cancel)
    {
        // RFC 4616 §2: [authzid] NUL authcid NUL passwd, none of them with a NUL inside.
        var first = Array.IndexOf(message, (byte)0);
        var second = first < 0 ? -1 : Array.IndexOf(message, (byte)0, first + 1);
        if (second < 0 || second == first + 1 || second == message.Length - 1
            || Array.IndexOf(message, (byte)0, second + 1) >= 0)
        {
            return Now(FailSasl(Replies.AuthenticationBadBase64));
        }
        return CheckPasswordAsync(
            "PLAIN",
            Encoding.UTF8.GetString(message, 0, first),
            Encoding.UTF8.GetString(message, first + 1, second - first - 1),
            Encoding.UTF8.GetString(message, second + 1, message.Length - second - 1),
            cancel);
    }

    async ValueTask<Step> CheckPasswordAsync(
        string mechanism, string authorization, string given, string password, CancellationToken cancel)
    {
        if (NameOfLogin(authorization, given) is not { } name)
            return EndLogin(mechanism, given, LoginOutcome.Failed);
        var lookup = await policy.FindCredentialAsync(facts, name, cancel);
        if (lookup.Credential is not { } credential)
            return FailSasl(lookup.Refusal ?? Replies.AuthenticationUnavailable);
        return EndLogin(mechanism, name,
            ScramSha256.Verify(credential, password) ? LoginOutcome.Succeeded : LoginOutcome.Failed);
    }

    async ValueTask<Step> ScramFirstAsync(byte[] message, CancellationToken cancel)
    {
        var exchange = new ScramServerExchange(ScramSha256.CreateNonce());
        if (!exchange.TryReadClientFirst(message))
            return FailSasl(Replies.AuthenticationBadBase64);
        if (NameOfLogin(exchange.AuthorizationId, exchange.UserName) is not { } name)
            return EndLogin(ScramSha256.Name, exchange.UserName, LoginOutcome.Failed);
        var lookup = await policy.FindCredentialAsync(facts, name, cancel);
        if (lookup.Credential is not { } credential)
            return FailSasl(lookup.Refusal ?? Replies.AuthenticationUnavailable);
        loginName = name;
        scram = exchange;
        sasl = SaslStep.ScramFinal;
        return new Step(Challenge(exchange.WriteServerFirst(credential)));
    }

    Step ScramFinal(byte[] message)
    {
        switch (scram!.Verify(message, out var serverFinal))
        {
            case ScramVerdict.Proved:
                // RFC 4954 §4: 235 carries no data, so our own proof is one more challenge, answered by an
                // empty line.
                sasl = SaslStep.ScramEnd;
                return new Step(Challenge(serverFinal));
            case ScramVerdict.Refused:
                return EndLogin(ScramSha256.Name, loginName, LoginOutcome.Failed);
            default:
                return FailSasl(Replies.AuthenticationBadBase64);
        }
    }

    /// <summary>The prepared name; null when nobody can have it, or when the client wants to act as
    /// another.</summary>
    static string? NameOfLogin(string authorization, string given)
    {
        var name = SaslPrep.Prepare(given);
        return name is { Length: > 0 } && (authorization.Length == 0 || authorization == given) ? name : null;
    }

    Step EndLogin(string mechanism, string name, LoginOutcome outcome)
    {
        EndSasl();
        var succeeded = outcome == LoginOutcome.Succeeded;
        if (succeeded)
        {
            facts.UserName = name;
            facts.Mechanism = mechanism;
        }
        var delay = policy.Authenticated(facts, name, succeeded);
        var step =
            Answer(Verb.Auth, mechanism, succeeded ? Replies.Authenticated : Replies.AuthenticationFailed);
        return step with { Delay = delay > step.Delay ? delay : step.Delay };
    }

    Step FailSasl(Reply reply)
    {
        EndSasl();
        return Answer(Verb.Auth, "", reply);
    }

    /// <returns>True: an exchange was going on.</returns>
    bool EndSasl()
    {
        var wasGoingOn = sasl != SaslStep.None;
        sasl = SaslStep.None;
        scram = null;
        return wasGoingOn;
    }

    static Reply Challenge(byte[] message) => new(334, null, StrictBase64.Encode(message));

    enum LoginOutcome
    {
        Failed,
        Succeeded,
    }
}
