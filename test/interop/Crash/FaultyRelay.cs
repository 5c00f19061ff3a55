using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Postern.Interop.Crash;

/// <summary>A next hop that goes wrong as its plan says, and writes down what it took, refused and left
/// unanswered.</summary>
sealed class FaultyRelay : IAsyncDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly FaultPlan plan;
    readonly TimeSpan lateness;
    readonly CancellationTokenSource stop = new();
    readonly ConcurrentQueue<Fault> connectionFaults = new();
    readonly ConcurrentDictionary<string, ConcurrentQueue<string>> stories = new();
    readonly Task accepting;
    int played;

    /// <param name="lateness">How long a late reply takes.</param>
    public FaultyRelay(FaultPlan plan, TimeSpan lateness)
    {
        this.plan = plan;
        this.lateness = lateness;
        // Little of a long content fits between the two: a reset finds its sender in the middle of it.
        listener.Server.ReceiveBufferSize = 16 << 10;
        listener.Start(512);
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Ids of messages, each as often as it was taken.</summary>
    public ConcurrentQueue<string> Taken { get; } = new();

    /// <summary>Ids of messages that were taken and whose reply was no reply, or lost with its
    /// connection.</summary>
    public ConcurrentQueue<string> Unanswered { get; } = new();

    /// <summary>Reports to senders that were taken.</summary>
    public ConcurrentQueue<TakenReport> Reports { get; } = new();

    /// <summary>How many faults have happened.</summary>
    public int Played => Volatile.Read(ref played);

    /// <summary>What happened to a message, in order; evidence for one that is missed.</summary>
    public string StoryOf(string id) =>
        stories.TryGetValue(id, out var story) ? string.Join("; ", story) : "never seen";

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        stop.Dispose();
    }

    /// <summary>Of the messages that go wrong: they are the ones somebody may miss.</summary>
    void Tell(string id, string what)
    {
        if (plan.Faults.ContainsKey(id))
            stories.GetOrAdd(id, static _ => new()).Enqueue(what);
    }

    async Task AcceptAsync()
    {
        var sessions = new List<Task>();
        try
        {
            while (true)
                sessions.Add(ServeAsync(await listener.AcceptTcpClientAsync(stop.Token), sessions.Count));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(sessions);
        }
    }

    async Task ServeAsync(TcpClient client, int number)
    {
        using (client)
        {
            client.NoDelay = true;
            if (connectionFaults.TryDequeue(out var fault))
                Interlocked.Increment(ref played);
            var session = new Session(this, client, fault, number % 2 == 0);
            try
            {
                await session.ConverseAsync();
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The sender gave up, or the test is over.
                session.PutBack();
            }
        }
    }

    /// <summary>One connection. Its fault is that of the connection, then that of the message.</summary>
    sealed class Session(FaultyRelay relay, TcpClient client, Fault? fault, bool offersPipelining)
    {
        readonly NetworkStream stream = client.GetStream();
        readonly SinkReader reader = new(client.GetStream(), relay.stop.Token);

        /// <summary>The message under way: its sender's local part, empty for a report. Null: none.</summary>
        string? id;

        string? recipient;

        /// <summary>The message under way and its fault, until its sender is known to have heard of it: what
        /// was begun with the end of the message before may be given up unheard. Null: none.</summary>
        (string Id, Fault Fault)? unheard;

        string Offers => string.Concat(
            offersPipelining ? "250-PIPELINING\r\n" : "",
            fault is { Trouble: Trouble.HalfTls } ? "250-STARTTLS\r\n" : "", "250 8BITMIME");

        public async Task ConverseAsync()
        {
            var goesOn = await AnswerAsync(Step.Greeting, "220 relay.test ESMTP");
            while (goesOn)
            {
                if (await reader.ReadLineAsync() is not { } line)
                {
                    PutBack();
                    return;
                }
                goesOn = line.Split(' ', ':')[0].ToUpperInvariant() switch
                {
                    "EHLO" => await AnswerAsync(Step.Ehlo, "250-relay.test\r\n" + Offers),
                    "HELO" => await AnswerAsync(Step.Ehlo, "250 relay.test"),
                    "STARTTLS" => await ShakeHalfAHandAsync(),
                    "MAIL" => await MailAsync(PathOf(line)),
                    "RCPT" => await RcptAsync(PathOf(line)),
                    "DATA" => await DataAsync(),
                    "RSET" => await ResetAsync(),
                    _ => await QuitAsync(),
                };
            }
        }

        public void PutBack()
        {
            if (unheard is not { } one)
                return;
            unheard = null;
            Interlocked.Decrement(ref relay.played);
            relay.Tell(one.Id, "unheard");
            relay.plan.PutBack(one.Id, one.Fault);
        }

        async Task<bool> MailAsync(string sender)
        {
            unheard = null;
            id = sender.Split('@')[0];
            recipient = null;
            if (relay.plan.Take(id) is { } planned)
            {
                if (planned.IsOfConnection)
                {
                    relay.connectionFaults.Enqueue(planned);
                    relay.Tell(id, $"MAIL, closed for the next connection's {planned}");
                    return false;
                }
                fault = planned;
                unheard = (id, planned);
                Interlocked.Increment(ref relay.played);
                relay.Tell(id, $"MAIL, to go wrong: {planned}");
            }
            else
            {
                relay.Tell(id, "MAIL");
            }
            return await AnswerAsync(Step.Mail, "250 2.1.0 Ok");
        }

        async Task<bool> RcptAsync(string path)
        {
            if (id is null)
                return await SayAsync("503 5.5.1 MAIL first");
            recipient = path.Split('@')[0];
            return await AnswerAsync(Step.Rcpt, "250 2.1.5 Ok");
        }

        async Task<bool> DataAsync()
        {
            if (recipient is null)
                return await SayAsync("554 5.5.1 No valid recipients");
            if (!await AnswerAsync(Step.Data, "354 Go on"))
                return false;
            if (recipient is null)
                return true;
            if (fault is { At: Step.Content })
            {
                await reader.ReadLineAsync();
                return Reset();
            }
            var content = await ReadContentAsync();
            unheard = null;
            Take(content, recipient);
            return await AnswerAsync(Step.Dot, "250 2.0.0 Ok");
        }

        Task<bool> ResetAsync()
        {
            id = recipient = null;
            unheard = null;
            return SayAsync("250 2.0.0 Ok");
        }

        async Task<bool> QuitAsync()
        {
            unheard = null;
            await SayAsync("221 2.0.0 Bye");
            return false;
        }

        void Take(string content, string to)
        {
            var trouble = fault is { At: Step.Dot } ? fault.Trouble : (Trouble?)null;
            if (trouble is Trouble.Transient or Trouble.Permanent)
                return;
            relay.Tell(id!, "taken");
            if (id!.Length == 0)
                relay.Reports.Enqueue(new TakenReport(to, content));
            else
                relay.Taken.Enqueue(id);
            if (trouble is Trouble.Garbage or Trouble.Reset)
                relay.Unanswered.Enqueue(id);
        }

        /// <summary>The reply to a step, or what goes wrong in its place.</summary>
        /// <returns>False: the connection is over.</returns>
        async Task<bool> AnswerAsync(Step step, string good)
        {
            if (fault is not { } now || now.At != step || now.Trouble == Trouble.HalfTls)
                return await SayAsync(good);
            // That of a connection stays: HELO is answered as EHLO was.
            if (!now.IsOfConnection)
                fault = null;
            if (now.Trouble is not (Trouble.Transient or Trouble.Permanent))
                unheard = null;
            switch (now.Trouble)
            {
                case Trouble.Transient:
                    return await RefuseAsync(step, "451 4.");
                case Trouble.Permanent:
                    return await RefuseAsync(step, "554 5.");
                case Trouble.Silence:
                    await stream.CopyToAsync(Stream.Null, relay.stop.Token);
                    return false;
                case Trouble.Garbage:
                    await SayAsync("Ok, whatever you say");
                    return false;
                case Trouble.Late:
                    await Task.Delay(relay.lateness, TimeProvider.System, relay.stop.Token);
                    return await SayAsync(good);
                default:
                    return Reset();
            }
        }

        Task<bool> RefuseAsync(Step step, string code)
        {
            if (step == Step.Mail)
                id = null;
            recipient = null;
            return SayAsync($"{code}{Fault.DetailOf(step)} as planned");
        }

        async Task<bool> ShakeHalfAHandAsync()
        {
            // RFC 8446 §5.1: the header of a handshake record of 122 octets, and four of them.
            byte[] half = [0x16, 0x03, 0x03, 0x00, 0x7A, 0x02, 0x00, 0x00, 0x76];
            await SayAsync("220 2.0.0 Go on");
            var hello = new byte[4096];
            _ = await stream.ReadAsync(hello, relay.stop.Token);
            await stream.WriteAsync(half, relay.stop.Token);
            return false;
        }

        bool Reset()
        {
            client.LingerState = new LingerOption(enable: true, seconds: 0);
            return false;
        }

        async Task<string> ReadContentAsync()
        {
            var content = new StringBuilder();
            while (await reader.ReadLineAsync() is { } line)
            {
                if (line == ".")
                    return content.ToString();
                content.Append(line).Append('\n');
            }
            throw new EndOfStreamException();
        }

        async Task<bool> SayAsync(string reply)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(reply + "\r\n"), relay.stop.Token);
            return true;
        }

        static string PathOf(string line) => line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line
            .IndexOf('>', StringComparison.Ordinal)];
    }
}

/// <param name="To">The local part of its recipient.</param>
sealed record TakenReport(string To, string Content);
