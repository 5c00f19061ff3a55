namespace Postern.Interop.Crash;

/// <summary>The reader of the trace is able to say no.</summary>
public sealed class FlushTraceTests
{
    const string Content = """7 1.1 recvfrom(9<TCP:[1->2]>, "hello\r\n.\r\n", 4096, 0, NULL, NULL) = 10""";
    const string Write = """8 1.2 pwrite64(5</d/postern.db-wal>, "x"..., 4096, 56) = 4096""";
    const string Flush = "8 1.3 fsync(5</d/postern.db-wal>) = 0";
    const string Failed = "8 1.3 fsync(5</d/postern.db-wal>) = -1 EIO (Input/output error) (INJECTED)";

    const string Reply =
        """7 1.4 sendto(9<TCP:[1->2]>, "250 2.0.0 Ok: queued as 0SA\r\n", 27, 0, NULL, 0) = 27""";

    [Fact]
    public void Reply_AfterItsFlush_IsEarned()
    {
        var trace = FlushTrace.Read([Content, Write, Flush, Reply]);
        Assert.False(trace.HasFailure);
        Assert.Equal(1, trace.Acknowledged);
        Assert.Empty(trace.Unearned);
        Assert.Equal(4152, trace.LogOctetsFlushed);
    }

    [Theory]
    [InlineData(Content, Write, Reply)]
    [InlineData(Flush, Content, Write, Reply)]
    [InlineData(Content, Write, Failed, Reply)]
    [InlineData(Content, Write, Failed, Flush, Reply)]
    [InlineData(Failed, Content, Write, Flush, Reply)]
    [InlineData(Content, Flush, Reply, Content, Reply)]
    public void Reply_WithoutAFlushOfItsOwnBeforeTheFailure_IsNamed(params string[] lines) =>
        Assert.Single(FlushTrace.Read(lines).Unearned);

    [Fact]
    public void Reply_OnItsWayWhenALaterFlushFails_IsEarned()
    {
        var trace = FlushTrace.Read([Content, Write, Flush, Failed, Reply]);
        Assert.True(trace.HasFailure);
        Assert.Empty(trace.Unearned);
    }

    [Fact]
    public void Flush_BegunBeforeTheContentOrTheWrite_CoversNeither()
    {
        var trace = FlushTrace.Read(
        [
            "8 1.0 fsync(5</d/postern.db-wal> <unfinished ...>", Content, Write,
            "8 1.3 <... fsync resumed>) = 0", Reply,
        ]);
        Assert.Single(trace.Unearned);
        Assert.Equal(0, trace.LogOctetsFlushed);
    }

    [Fact]
    public void Flush_BeforeTheMessagesOwnRecord_DoesNotCoverIt()
    {
        const string recipient =
            """7 1.0 recvfrom(9<TCP:[1->2]>, "RCPT TO:<0000042@sink.test>\r\n", 4096, 0, NULL, NULL) = 29""";
        const string record =
            """8 1.2 pwrite64(5</d/postern.db-wal>, "..0000042@sink.test"..., 4096, 56) = 4096""";
        Assert.Single(FlushTrace.Read([recipient, Content, Write, Flush, Reply]).Unearned);
        Assert.Single(FlushTrace.Read([recipient, Content, Write, Flush, record, Reply]).Unearned);
        var trace = FlushTrace.Read([recipient, Content, record, Flush, Reply]);
        Assert.Empty(trace.Unearned);
        Assert.Equal((1, 1), (trace.LogFlushes, trace.Recorded));
    }

    [Fact]
    public void Calls_InTwoLines_AreReadAsOne()
    {
        var trace = FlushTrace.Read(
        [
            "7 1.0 recvfrom(9<TCP:[1->2]>,  <unfinished ...>",
            """8 1.0 pwrite64(5</d/postern.db-wal>, "x"..., 24, 32 <unfinished ...>""",
            """7 1.1 <... recvfrom resumed>"hello\r\n.\r\n", 4096, 0, NULL, NULL) = 10""",
            "8 1.2 <... pwrite64 resumed>) = 24",
            "8 1.3 fsync(5</d/postern.db-wal> <unfinished ...>",
            "7 1.3 recvfrom(9<TCP:[1->2]>, 0x7f, 1, MSG_PEEK, NULL, NULL) = -1 EAGAIN (Try again)",
            "8 1.4 <... fsync resumed>) = 0", Reply,
        ]);
        Assert.Empty(trace.Unearned);
        Assert.Equal(56, trace.LogOctetsFlushed);
    }

    [Fact]
    public void Flush_AfterAFailedOne_IsNamed() =>
        Assert.Single(FlushTrace.Read([Write, Failed, Flush]).FlushedAgain);

    [Fact]
    public void Log_ThatBeginsAnew_IsMeasuredAnew()
    {
        var trace = FlushTrace.Read(
            [Write, Flush, """8 1.5 pwrite64(5</d/postern.db-wal>, "x"..., 32, 0) = 32""", Flush]);
        Assert.Equal(32, trace.LogOctetsFlushed);
    }
}
