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

    async ValueTask<OpenResult> SetUpAsync(CancellationToken cancel)
    {
        var stage = SmtpStage.TlsHandshake;
        try
        {
            if (options.Tls == TlsMode.Immediate && await ShakeHandsAsync() is { } failure)
                return failure;
            var session = new SmtpClientSession(options, commands, Tls);
            var step = session.Begin();
            while (true)
            {
                switch (step)
                {
                    case SetupStep.Ask ask:
                        stage = ask.Stage;
                        var read = await AskAsync(stage);
                        step = read.Reply is { } reply ? session.Take(reply) : Lost(stage, read.Cause);
                        break;
                    case SetupStep.StartTls:
                        stage = SmtpStage.TlsHandshake;
                        if (await StartTlsAsync() is { } refusal)
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

    async ValueTask<OpenResult?> StartTlsAsync()
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
        return await ShakeHandsAsync();
    }

    async ValueTask<OpenResult?> ShakeHandsAsync()
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
        return null;
    }

    SetupStep.End Lost(SmtpStage stage, LossCause cause) =>
        new(new OpenResult.Lost(stage, cause, DetailOf(cause, stage)));
}
