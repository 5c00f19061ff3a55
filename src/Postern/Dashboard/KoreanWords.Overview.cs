namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string AllWell => "발생한 경보가 없습니다.";
    public override string AlarmsStand(int count) => $"경보 {count}건";
    public override string AcceptedPerMinute => "분당 접수";
    public override string RelayedPerMinute => "분당 전달";
    public override string DeferredPerMinute => "분당 지연";
    public override string FailedPerMinute => "분당 실패";
    public override string Waiting => "대기 중";
    public override string InFlight => "전송 중";
    public override string NextHops => "다음 홉";
    public override string Open => "열림";
    public override string Closed => "닫힘";
    public override string Idle => "유휴";
    public override string Throughput => "처리량";
    public override string PerSecond => "초당";
    public override string Latency => "지연 시간";
    public override string LatencyExplained => "100건 중 95건이 이 시간 안에 끝났습니다";
    public override string Accepted => "접수";
    public override string Relayed => "전달";
    public override string Deferred => "지연";
    public override string Failed => "실패";
    public override string Commit => "디스크 기록";
    public override string AttemptWord => "전송 시도";
    public override string LastHour => "최근 1시간";
    public override string LastDay => "최근 24시간";
    public override string CountedSince => "집계 시작";
    public override string NextProbe => "다음 점검";
    public override string Pace => "전송 속도";
}
