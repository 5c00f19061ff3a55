using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;

namespace Postern.Smtp.Server;

/// <summary>Serves one connection from the greeting to the close: the entry for a listener.</summary>
/// <remarks>
/// The session loop. A step of the session is a reply and what to do next; nothing else decides what is read.
/// Ends with one <see cref="SessionEnd"/>, told to the policy once. A broken pipe ends the loop; any other
/// exception is a bug: the peer gets 421 and the exception goes on to the caller.
/// </remarks>
public static class SmtpServer
{
    /// <param name="transport">The peer. The caller completes it after this returned.</param>
    /// <param name="stopping">Postern stops: content that is whole gets its reply, then 421 and the
    /// end.</param>
    public static async ValueTask<SessionEnd> ServeAsync(
        IDuplexPipe transport,
        SessionFacts facts,
        SmtpServerOptions options,
        ISessionPolicy policy,
        TimeProvider clock,
        CancellationToken stopping)
    {
        var end = SessionEnd.Failed;
        try
        {
            end = await new SessionLoop(facts, options, policy, clock, stopping).RunAsync(transport);
        }
        catch (IOException)
        {
            end = SessionEnd.ConnectionLost;
        }
        catch (OperationCanceledException)
        {
            end = stopping.IsCancellationRequested ? SessionEnd.Stopping : SessionEnd.ConnectionLost;
        }
        finally
        {
            policy.Ended(facts, end);
        }
        return end;
    }
}

/// <summary>One connection, in clear and then perhaps in TLS.</summary>
sealed class SessionLoop(
    SessionFacts facts, SmtpServerOptions options, ISessionPolicy policy, TimeProvider clock,
        CancellationToken stopping)
{
    static readonly TimeSpan CloseNotifyTimeout = TimeSpan.FromSeconds(2);
    static readonly SslApplicationProtocol SmtpProtocol = new("smtp");
    readonly HostReplies host = HostReplies.Of(options);

    public async ValueTask<SessionEnd> RunAsync(IDuplexPipe transport)
    {
        if (options.Tls == TlsMode.Immediate)
            return await RunTlsAsync(
                transport, static (loop, connection) => loop.GreetAndServeAsync(connection));
        SessionEnd? end;
        using (
            var connection = new SmtpConnection(transport.Input, transport.Output, options, clock, stopping))
            end = await GreetAndServeAsync(connection);
        // RFC 3207 §4.2: the server forgets all that was said before TLS; only the address and the listener
        // stay.
        return end ?? await RunTlsAsync(transport, static (loop, connection) => loop.ServeAsync(connection));
    }

    async ValueTask<SessionEnd> RunTlsAsync(
        IDuplexPipe transport, Func<SessionLoop, SmtpConnection, ValueTask<SessionEnd?>> serve)
    {
        await using var tls = new SslStream(new DuplexPipeStream(transport), leaveInnerStreamOpen: true);
        if (options.Tls == TlsMode.Immediate && !policy.MayHandshake(facts))
            return SessionEnd.TlsFailed;
        if (!await TryHandshakeAsync(tls))
            return SessionEnd.TlsFailed;
        facts.Tls = new TlsFacts(tls.SslProtocol, tls.NegotiatedCipherSuite.ToString());
        facts.Helo = facts.UserName = facts.Mechanism = null;
        facts.IsExtended = false;
        var input = PipeReader.Create(tls, new StreamPipeReaderOptions(
            bufferSize: 16 * 1024, minimumReadSize: 1024, leaveOpen: true, useZeroByteReads: true));
        var output = PipeWriter.Create(tls, new StreamPipeWriterOptions(leaveOpen: true));
        SessionEnd end;
        using (var connection = new SmtpConnection(input, output, options, clock, stopping))
        {
            // A second STARTTLS is refused, so this session ends by itself.
            end = await serve(this, connection) ?? SessionEnd.ProtocolError;
        }
        await input.CompleteAsync();
        await output.CompleteAsync();
        if (end is not (SessionEnd.TimedOut or SessionEnd.ConnectionLost))
        {
            // A courtesy: a peer that is gone already, or takes nothing any more, has ended as it ended.
            await tls.ShutdownAsync().WaitAsync(CloseNotifyTimeout, clock, CancellationToken.None)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return end;
    }

    async ValueTask<bool> TryHandshakeAsync(SslStream tls)
    {
        using var deadline = new CancellationTokenSource(options.HandshakeTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stopping);
        var given = options.TlsOptions!();
        // The caller's certificate; our own floor. RFC 8996: nothing below 1.2.
        var own = new SslServerAuthenticationOptions
        {
            ServerCertificate = given.ServerCertificate,
            ServerCertificateContext = given.ServerCertificateContext,
            ServerCertificateSelectionCallback = given.ServerCertificateSelectionCallback,
            CipherSuitesPolicy = given.CipherSuitesPolicy,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            // A client that speaks only another protocol was led here by somebody (ALPACA): refused by the
            // handshake.
            ApplicationProtocols = given.ApplicationProtocols ?? [SmtpProtocol],
        };
        try
        {
            await tls.AuthenticateAsServerAsync(own, either.Token);
            return true;
        }
        // SslStream (10.0) reads beyond the end of a ClientHello that is too short or in several records, and
        // throws IndexOutOfRange or ArgumentOutOfRange: the peer's fault all the same.
        catch (Exception e) when (e is AuthenticationException or IOException or OperationCanceledException
            or IndexOutOfRangeException or ArgumentOutOfRangeException)
        {
            return false;
        }
    }

    async ValueTask<SessionEnd?> GreetAndServeAsync(SmtpConnection connection)
    {
        if (await policy.ConnectAsync(facts, stopping) is { } refusal)
        {
            connection.Write(refusal);
            await connection.FlushAsync();
            return SessionEnd.Refused;
        }
        if (facts.Kind == ListenerKind.Mx && await connection.HasInputAsync(facts.GreetingDelay))
        {
            connection.Write(new SmtpSession(facts, options, policy).OutOfSync(Verb.Unknown).Reply!);
            await connection.FlushAsync();
            return SessionEnd.EarlyTalker;
        }
        connection.Write(host.Greeting);
        return await ServeAsync(connection);
    }

    /// <summary>Commands until the end; null when the next octets are a TLS handshake.</summary>
    async ValueTask<SessionEnd?> ServeAsync(SmtpConnection connection)
    {
        var session = new SmtpSession(facts, options, policy);
        try
        {
            while (true)
            {
                var wire = await connection.ReadLineAsync();
                if (Interruption(wire) is { } end)
                    return await LeaveAsync(connection, end);
                var step = await AnswerAsync(connection, session, wire);
                if (step.Then is Then.ReadData or Then.ReadChunk or Then.SkipChunk)
                {
                    (wire, step) = await TakeContentAsync(connection, session, step);
                    if (Interruption(wire) is { } cut)
                        return await LeaveAsync(connection, cut);
                }
                // Asked before the 220 goes out: what comes after it is the handshake, of a quick client at
                // once. What slips in between is read as one and fails as one; no command of it is ever run.
                if (step.Then == Then.StartTls && await connection.HasInputAsync(TimeSpan.Zero))
                    step = session.OutOfSync(Verb.StartTls);
                await SayAsync(connection, step);
                if (step.Then == Then.StartTls)
                    return null;
                if (step.Then == Then.Close)
                    return step.End;
                if (session.HasTooManyErrors)
                    return await LeaveAsync(connection, SessionEnd.TooManyErrors);
            }
        }
        catch (Exception e) when (e is not (IOException or OperationCanceledException))
        {
            await LeaveAsync(connection, SessionEnd.Failed);
            throw;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return await LeaveAsync(connection, SessionEnd.Stopping);
        }
        finally
        {
            await session.AbandonAsync();
        }
    }

    async ValueTask<Step> AnswerAsync(SmtpConnection connection, SmtpSession session, Wire wire)
    {
        switch (wire)
        {
            case Wire.Ok:
                var running = session.RunAsync(connection.Line, connection.Waiting, stopping);
                connection.TakeLine();
                return await running;
            case Wire.BareLineFeed:
                var step = session.BareLineFeed(connection.Line);
                connection.TakeLine();
                return step;
            case Wire.TlsRecord:
                return session.UnexpectedTls();
            case Wire.LineTooLong:
                return session.TooLong();
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>Reads the content a step asked for and gives the step that answers it.</summary>
    static async ValueTask<(Wire Wire, Step Step)> TakeContentAsync(
        SmtpConnection connection, SmtpSession session, Step step)
    {
        if (step.Then == Then.SkipChunk)
            return (
                await connection.ReadChunkAsync(null, step.Octets), step with { Then = Then.NextCommand });
        if (step.Reply is { } goAhead)
            connection.Write(goAhead);
        var wire = step.Then == Then.ReadData
            ? await connection.ReadDataAsync(session.Intake!)
            : await connection.ReadChunkAsync(session.Intake, step.Octets);
        return wire switch
        {
            Wire.Ok => (wire, await session.ContentReadAsync(step.Then, step.Octets)),
            Wire.Endless => (Wire.Ok, session.ContentEndless()),
            _ => (wire, step),
        };
    }

    async ValueTask SayAsync(SmtpConnection connection, Step step)
    {
        if (step.Delay > TimeSpan.Zero)
            await Task.Delay(step.Delay, clock, stopping);
        if (step.Reply is { } reply)
            connection.Write(reply);
        if (step.Then is Then.Close or Then.StartTls)
            await connection.FlushAsync();
    }

    /// <summary>The last words, if the peer can still hear them.</summary>
    async ValueTask<SessionEnd> LeaveAsync(SmtpConnection connection, SessionEnd end)
    {
        var last = end switch
        {
            SessionEnd.TimedOut => host.TimedOut,
            SessionEnd.Stopping => host.Stopping,
            SessionEnd.TooManyErrors => host.TooManyErrors,
            SessionEnd.ProtocolError => Replies.LineTooLong,
            SessionEnd.Failed => host.Failed,
            _ => null,
        };
        if (last is not null)
            connection.Write(last);
        await connection.FlushAsync();
        return end;
    }

    static SessionEnd? Interruption(Wire wire) => wire switch
    {
        Wire.Closed => SessionEnd.PeerClosed,
        Wire.TimedOut => SessionEnd.TimedOut,
        Wire.Stopping => SessionEnd.Stopping,
        Wire.Endless => SessionEnd.ProtocolError,
        _ => null,
    };
}
