namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string AllWell => "발생한 경보가 없습니다.";
    public override string AlarmsStand(int count) => $"경보 {count}건";

    public override string? AlarmMeans(string kind) => kind switch
    {
        "login" => "로그인이 거절되었습니다. 비밀번호나 인증 정보를 바로잡고 설정을 다시 읽으세요.",
        "account" => "상대가 우리 계정의 문제(정지, 미인증 도메인, 할당량)라고 답했습니다. 관리 콘솔을 확인하세요.",
        "domain" => "메일 서비스가 이 도메인을 모릅니다. domain이나 region을 바로잡고 설정을 다시 읽으세요.",
        "pipe" => "스크립트를 실행할 수 없습니다. argv, user, 파일 권한, 첫 줄을 확인하세요.",
        "maildir" => "메일함에 쓸 수 없습니다. 디스크 공간, 마운트, 소유자와 권한을 확인하세요.",
        "lmtp" => "LMTP 서버의 소켓에 접근할 수 없습니다. 소켓의 그룹과 권한을 확인하세요.",
        "webhook" => "애플리케이션이 받지 않거나 주소가 허용되지 않습니다. url, key, webhooks.networks를 확인하세요.",
        "topic" => "토픽이 없거나 게시할 수 없습니다. 토픽을 만들고 게시 권한을 주세요.",
        "claims" => "큰 메시지를 둘 곳에 쓸 수 없습니다. 디스크 공간, 소유자와 권한, 버킷 설정을 확인하세요.",
        "events" => "메일 서비스의 이벤트를 읽지 못하고 있습니다. key가 맞는지, 서비스에 장애가 없는지 확인하세요.",
        "no-route" => "큐에 있는 메일이 나갈 라우트가 없습니다. 라우트를 추가하고 설정을 다시 읽으세요.",
        "quota" => "계정이 하루 할당량을 다 썼습니다. 계정 주인이 보낸 것인지 확인하고, 비밀번호나 할당량을 바꾸세요.",
        "filter" => "수신 필터가 응답하지 않습니다. 필터가 실행 중이고 설정된 주소에서 받는지 확인하세요.",
        "clock" => "시스템 시계가 5초 넘게 바뀌었습니다. 시각 동기화를 확인하세요. 한 시간 동안 메일이 만료되지 않습니다.",
        "tls" => "TLS 인증서가 곧 끝나거나 바뀐 파일을 쓸 수 없습니다. 인증서와 키를 확인하세요.",
        "uncertain" => "두 번의 시도가 응답 없이 끝났습니다. 메일 서비스에 배달 여부를 물은 뒤 재시도하거나 취소하세요.",
        "disk" => "디스크가 가득 찼습니다. 새 메일은 452로 미루고 전송은 계속합니다. 공간을 확보하세요.",
        "store" => "디스크에 기록하지 못해 아무 메일도 접수하지 않습니다. 디스크를 점검하고 다시 시작하세요.",
        "content" => "저장된 본문이 손상되어 메일을 보류했습니다. 사본을 복원한 뒤 보류를 해제하거나 취소하세요.",
        _ => null,
    };
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
