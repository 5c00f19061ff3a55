using System.Diagnostics;
using System.Net.Security;
using System.Security.Authentication;

namespace Postern.Smtp.Client;

/// <summary>
/// Greeting, EHLO, STARTTLS and AUTH: what the session's rules ask for is read and written here.
/// </summary>
partial class SmtpClientConnection
{
    /// <summary>Nothing sensible can be written any more, not even QUIT.</summary>
    bool isBroken;

    async ValueTask<OpenResult> SetUpAsync(SetUpTalk talk, CancellationToken cancel)
    {
        var stage = SmtpStage.TlsHandshake;
        try
        {
            if (options.Tls == TlsMode.Immediate && await ShakeHandsAsync(talk) is { } failure)
                return failure;
            var session = new SmtpClientSession(options, commands, Tls);
            var step = session.Begin();
            while (true)
            {
                switch (step)
                {
                    case SetupStep.Ask ask:
                        stage = ask.Stage;
                        talk.Ask(session.Said);
                        var read = await AskAsync(stage);
                        if (read.Reply is { } heard)
                            talk.Take(heard, clock.GetTimestamp());
                        step = read.Reply is { } reply ? session.Take(reply) : Lost(stage, read.Cause);
                        break;
                    case SetupStep.StartTls:
                        stage = SmtpStage.TlsHandshake;
                        if (await StartTlsAsync(talk) is { } refusal)
                            return refusal;
                        session = new SmtpClientSession(options, commands, Tls);
                        step = session.BeginAfterStartTls();
                        break;
                    case SetupStep.Ready:
                        Capabilities = session.Capabilities;
                        IsReusable = true;
                        return new OpenResult.Ready(this);
                    case SetupStep.End end:
                        return end.Result;
                    default:
                        throw new UnreachableException();
                }
            }
        }
        catch (Exception e) when (IsLoss(e))
        {
            return new OpenResult.Lost(stage, CauseOf(e, cancel), DetailOf(e, stage));
        }
        finally
        {
            deadline.End();
            output.Release();
        }
    }

    /// <summary>Sends what the session wrote, if anything, and reads one reply.</summary>
    async ValueTask<ReplyRead> AskAsync(SmtpStage stage)
    {
        deadline.Begin(options.Timeouts.Of(stage));
        if (output.Count > 0)
        {
            if (replies.SpokeFirst(abort.Token) && !abort.IsCancellationRequested)
                return ReplyRead.Malformed;
            await stream.WriteAsync(output.Written, abort.Token);
            output.CutTo(0);
        }
        return await replies.ReadAsync(abort.Token);
    }

    async ValueTask<OpenResult?> StartTlsAsync(SetUpTalk talk)
    {
        if (replies.HasLeftover())
        {
            // RFC 3207 §4.2: whatever came in the clear behind the 220 must not be read as if it came inside
            // TLS.
            isBroken = true;
            return new OpenResult.Lost(
                SmtpStage.StartTls,
                LossCause.ProtocolError,
                "octets in the clear behind the reply to STARTTLS");
        }
        return await ShakeHandsAsync(talk);
    }

    async ValueTask<OpenResult?> ShakeHandsAsync(SetUpTalk talk)
    {
        var check = new CertificateCheck(options);
        var encrypted = new SslStream(wire, leaveInnerStreamOpen: true);
        await replies.CompleteAsync();
        stream = encrypted;
        replies = ReadFrom(encrypted);
        deadline.Begin(options.Timeouts.TlsHandshake);
        try
        {
            await encrypted.AuthenticateAsClientAsync(check.ToAuthenticationOptions(), abort.Token);
        }
        catch (AuthenticationException e)
        {
            isBroken = true;
            return check.Refusal is { } reason
                ? new OpenResult.CertificateRefused(reason)
                : new OpenResult.TlsFailed(e.InnerException?.Message ?? e.Message);
        }
        Tls = new ClientTlsFacts(
            encrypted.SslProtocol,
            encrypted.NegotiatedCipherSuite.ToString(),
            options.Tls == TlsMode.Opportunistic ? TlsTrust.Untrusted : TlsTrust.Verified);
        talk.Secured(Tls, clock.GetTimestamp());
        return null;
    }

    SetupStep.End Lost(SmtpStage stage, LossCause cause) =>
        new(new OpenResult.Lost(stage, cause, DetailOf(cause, stage)));
}
